//! On what machine, with which versions, and how disturbed.

use std::collections::BTreeMap;
use std::fs::read_to_string;

use serde::Serialize;

use crate::subjects::Maker;

/// The versions in this package's lock file.
#[derive(Clone, Debug, Serialize)]
pub struct Versions(BTreeMap<String, String>);

impl Versions {
    pub fn locked() -> Self {
        Self::parse(include_str!("../../Cargo.lock"))
    }

    fn parse(lock: &str) -> Self {
        let value = |line: &str, key: &str| {
            line.strip_prefix(key).map(|rest| rest.trim_matches([' ', '=', '"']).to_owned())
        };
        let mut versions = BTreeMap::new();
        for block in lock.split("[[package]]") {
            let name = block.lines().find_map(|line| value(line, "name = "));
            let version = block.lines().find_map(|line| value(line, "version = "));
            versions.extend(name.zip(version));
        }
        Self(versions)
    }

    pub fn of(&self, maker: Maker) -> String {
        self.0.get(maker.name()).cloned().unwrap_or_default()
    }
}

/// What ran it all.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    pub rustc: &'static str,
    pub date: String,
    /// The share of the machine's time that its host gave to others, in percent; if the kernel tells.
    pub steal_percent: Option<f64>,
    /// The share that other processes took.
    pub others_percent: Option<f64>,
}

/// Time of the machine's cores so far, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticks {
    all: f64,
    busy: f64,
    steal: f64,
    own: f64,
}

impl Ticks {
    /// Nothing where the kernel does not tell.
    pub fn now() -> Option<Self> {
        Self::parse(&read_to_string("/proc/stat").ok()?, &read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(stat: &str, own: &str) -> Option<Self> {
        // user nice system idle iowait irq softirq steal; what comes after is counted in user already.
        let ticks: Vec<f64> =
            stat.lines().next()?.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks[..] else { return None };
        let busy = user + nice + system + irq + softirq;
        // The name of the process may hold spaces; user and system time are the 12th and 13th after it.
        let after = own.rsplit(')').next()?;
        let own = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
        Some(Self { all: busy + idle + iowait + steal, busy, steal, own })
    }

    /// Percent of the time since `before` that was stolen, and that others used.
    fn since(self, before: Self) -> (f64, f64) {
        let all = (self.all - before.all).max(1.0);
        let others = (self.busy - before.busy) - (self.own - before.own);
        (100.0 * (self.steal - before.steal) / all, 100.0 * others.max(0.0) / all)
    }
}

impl Machine {
    pub fn since(before: Option<Ticks>) -> Self {
        let shares = before.zip(Ticks::now()).map(|(before, now)| now.since(before));
        let tenths = |percent: f64| (percent * 10.0).round() / 10.0;
        let read = |path| read_to_string(path).unwrap_or_default();
        Self {
            cpu: model(&read("/proc/cpuinfo")),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel(&read("/proc/sys/kernel/osrelease")),
            rustc: env!("RUSTC_VERSION"),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            steal_percent: shares.map(|(steal, _)| tenths(steal)),
            others_percent: shares.map(|(_, others)| tenths(others)),
        }
    }

    /// For a footer.
    pub fn line(&self) -> String {
        let Self { cpu, cores, kernel, rustc, date, steal_percent, others_percent } = self;
        let rustc = rustc.split(" (").next().unwrap_or_default();
        let share =
            |percent: &Option<f64>| percent.map_or("unknown".into(), |percent| format!("{percent} %"));
        format!(
            "{cpu}, {cores} cores, {kernel}, {rustc}, {date}; steal time {}, other processes {}",
            share(steal_percent),
            share(others_percent)
        )
    }
}

fn kernel(release: &str) -> String {
    match release.trim() {
        "" => "unknown kernel".into(),
        release => format!("Linux {release}"),
    }
}

fn model(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split(':').nth(1))
        .map_or("unknown processor".into(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_lock_file() {
        let versions = Versions::parse(
            "[[package]]\nname = \"tower\"\nversion = \"0.5.3\"\n\n[[package]]\nname = \"x\"\n",
        );
        assert_eq!(versions.of(Maker::Tower), "0.5.3");
        assert_eq!(versions.of(Maker::Seatbelt), "");
        assert!(Versions::locked().of(Maker::Seatbelt).starts_with("0.11."), "an old seatbelt was chosen");
    }

    #[test]
    fn shares_of_a_machine() {
        let parse = |stat, own| Ticks::parse(stat, own).expect("ticks");
        let before = parse("cpu 100 0 0 100 0 0 0 0 0 0", "1 (a b) S 1 1 1 0 0 0 0 0 0 0 50 10 0");
        let after = parse("cpu 160 0 0 130 0 0 0 10 0 0", "1 (a b) S 1 1 1 0 0 0 0 0 0 0 80 20 0");
        assert_eq!(before, Ticks { all: 200.0, busy: 100.0, steal: 0.0, own: 60.0 });
        assert_eq!(after.since(before), (10.0, 20.0));
    }

    #[test]
    fn says_what_the_kernel_does_not_tell() {
        assert_eq!(Ticks::parse("", ""), None);
        let machine = Machine { kernel: kernel(""), cpu: model(""), ..Machine::since(None) };
        let line = machine.line();
        assert!(line.starts_with("unknown processor, "), "{line}");
        assert!(line.contains("unknown kernel"), "{line}");
        assert!(line.ends_with("steal time unknown, other processes unknown"), "{line}");
    }

    #[test]
    fn names_the_processor() {
        assert_eq!(model("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n"), "Some CPU @ 3 GHz");
        assert_eq!(model(""), "unknown processor");
    }
}
