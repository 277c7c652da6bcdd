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
    /// The share of the machine's time that its host gave to others, in percent.
    pub steal_percent: f64,
    /// The share that other processes took.
    pub others_percent: f64,
}

/// Time of the machine's cores so far, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ticks {
    all: f64,
    busy: f64,
    steal: f64,
    own: f64,
}

impl Ticks {
    pub fn now() -> Self {
        let stat = read_to_string("/proc/stat").unwrap_or_default();
        let own = read_to_string("/proc/self/stat").unwrap_or_default();
        Self::parse(&stat, &own)
    }

    fn parse(stat: &str, own: &str) -> Self {
        let line = stat.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal; what comes after is counted in user already.
        let ticks: Vec<f64> =
            line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, steal] = ticks[..] else {
            return Self::default();
        };
        let busy = user + nice + system + irq + softirq;
        // The name of the process may hold spaces; user and system time are the 12th and 13th after it.
        let after = own.rsplit(')').next().unwrap_or_default();
        let own = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
        Self { all: busy + idle + iowait + steal, busy, steal, own }
    }

    /// Percent of the time since `before` that was stolen, and that others used.
    fn since(self, before: Self) -> (f64, f64) {
        let all = (self.all - before.all).max(1.0);
        let others = (self.busy - before.busy) - (self.own - before.own);
        (100.0 * (self.steal - before.steal) / all, 100.0 * others.max(0.0) / all)
    }
}

impl Machine {
    pub fn since(before: Ticks) -> Self {
        let (steal_percent, others_percent) = Ticks::now().since(before);
        let cpuinfo = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: model(&cpuinfo),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            rustc: env!("RUSTC_VERSION"),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            steal_percent: (steal_percent * 10.0).round() / 10.0,
            others_percent: (others_percent * 10.0).round() / 10.0,
        }
    }

    /// For a footer.
    pub fn line(&self) -> String {
        let Self { cpu, cores, kernel, rustc, date, steal_percent, others_percent } = self;
        let rustc = rustc.split(" (").next().unwrap_or_default();
        format!(
            "{cpu}, {cores} cores, Linux {kernel}, {rustc}, {date}; \
             steal time {steal_percent} %, other processes {others_percent} % of the machine"
        )
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
        let before = Ticks::parse("cpu 100 0 0 100 0 0 0 0 0 0", "1 (a b) S 1 1 1 0 0 0 0 0 0 0 50 10 0");
        let after = Ticks::parse("cpu 160 0 0 130 0 0 0 10 0 0", "1 (a b) S 1 1 1 0 0 0 0 0 0 0 80 20 0");
        assert_eq!(before, Ticks { all: 200.0, busy: 100.0, steal: 0.0, own: 60.0 });
        assert_eq!(after.since(before), (10.0, 20.0));
    }

    #[test]
    fn names_the_processor() {
        assert_eq!(model("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n"), "Some CPU @ 3 GHz");
        assert_eq!(model(""), "unknown processor");
    }
}
