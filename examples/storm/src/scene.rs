//! What happens to the upstream, as plain data.

use std::time::Duration;

use serde::Serialize;

/// What users send to each lane, in requests per second.
pub const OFFERED: f64 = 280.0;
/// What serves them: this many workers, each this long with a request.
pub const WORKERS: usize = 8;
pub const SERVICE: Duration = Duration::from_millis(20);
/// What the workers manage, in requests per second.
pub const CAPACITY: f64 = 400.0;
/// What the upstream grants in the scene `quota`, in requests per second.
pub const QUOTA: f64 = 200.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SceneName {
    /// Five times slower and 10 % errors for a while.
    BrownOut,
    /// Nothing but fast errors, and later nothing but silence.
    Blackout,
    /// 30 % errors throughout.
    Partial,
    /// 429 for whatever exceeds a quota.
    Quota,
    /// Ten times the load on an axum server, with and without limits.
    Surge,
    /// Every scene, one after the other.
    All,
}

#[derive(Clone, Debug, Serialize)]
pub struct Scene {
    pub name: &'static str,
    /// One sentence for people who look at the report.
    pub story: String,
    pub phases: Vec<Phase>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Phase {
    pub length: Duration,
    /// What begins, as the end of a sentence; told when the phase starts.
    pub begins: &'static str,
    /// Short name of the trouble, for phases in which there is some.
    pub fault: Option<&'static str>,
    pub service: Duration,
    /// The share of served requests that fail.
    pub errors: f64,
    pub manner: Manner,
    /// The offered load, as a multiple of the usual one.
    pub load: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Manner {
    Works,
    /// Every request fails at once.
    Refuses,
    /// Nothing is ever answered.
    Hangs,
    /// 429 for whatever exceeds so many requests per second.
    Grants(f64),
}

/// A phase of trouble: when it was, and how long there was to recover.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fault {
    pub name: &'static str,
    pub from: f64,
    pub to: f64,
    /// When the next fault begins, or the end of the scene.
    pub until: f64,
}

impl Phase {
    const fn calm(seconds: u64) -> Self {
        Self {
            length: Duration::from_secs(seconds),
            begins: "the upstream is healthy",
            fault: None,
            service: SERVICE,
            errors: 0.0,
            manner: Manner::Works,
            load: 1.0,
        }
    }

    const fn fault(seconds: u64, name: &'static str, begins: &'static str) -> Self {
        Self { fault: Some(name), begins, ..Self::calm(seconds) }
    }
}

impl Scene {
    /// The scenes behind a name. `quick` shortens the calm in particular.
    pub fn named(name: SceneName, quick: bool) -> Vec<Self> {
        match name {
            SceneName::BrownOut => vec![Self::brown_out(quick)],
            SceneName::Blackout => vec![Self::blackout(quick)],
            SceneName::Partial => vec![Self::partial(quick)],
            SceneName::Quota => vec![Self::quota(quick)],
            SceneName::Surge => vec![Self::surge(quick)],
            SceneName::All => {
                vec![
                    Self::brown_out(quick),
                    Self::blackout(quick),
                    Self::partial(quick),
                    Self::quota(quick),
                    Self::surge(quick),
                ]
            }
        }
    }

    pub fn brown_out(quick: bool) -> Self {
        let [calm, fault, after] = if quick { [3, 5, 7] } else { [20, 8, 17] };
        let slow = Phase::fault(
            fault,
            "brown-out",
            "the fault begins: the upstream is five times slower and fails 10 % of requests",
        );
        Self {
            name: "brown-out",
            story: format!(
                "The upstream works five times slower and fails 10 % of requests for {fault} s, then is healthy again."
            ),
            phases: vec![
                Phase::calm(calm),
                Phase { service: SERVICE * 5, errors: 0.1, ..slow },
                Phase { begins: "the fault is over: the upstream is healthy again", ..Phase::calm(after) },
            ],
        }
    }

    pub fn blackout(quick: bool) -> Self {
        let [calm, refuses, between, hangs, after] = if quick { [2, 3, 7, 5, 7] } else { [20, 5, 8, 6, 10] };
        let errors = Phase::fault(refuses, "fast errors", "the upstream fails every request at once");
        let silence = Phase::fault(hangs, "hangs", "the upstream accepts requests and never answers them");
        let again = "the upstream is healthy again";
        Self {
            name: "blackout",
            story: format!(
                "The upstream fails every request at once for {refuses} s, is healthy, then answers nothing at all for {hangs} s."
            ),
            phases: vec![
                Phase::calm(calm),
                Phase { manner: Manner::Refuses, ..errors },
                Phase { begins: again, ..Phase::calm(between) },
                Phase { manner: Manner::Hangs, ..silence },
                Phase { begins: again, ..Phase::calm(after) },
            ],
        }
    }

    pub fn partial(quick: bool) -> Self {
        let seconds = if quick { 10 } else { 30 };
        let some = Phase::fault(seconds, "30 % errors", "the upstream fails 30 % of requests, all the time");
        Self {
            name: "partial",
            story: "The upstream fails 30 % of requests throughout. Seven in ten work, so a breaker that \
                    opened would make it worse; and it is not busy, so repeating without bounds does no \
                    harm here."
                .into(),
            phases: vec![Phase { errors: 0.3, ..some }],
        }
    }

    pub fn quota(quick: bool) -> Self {
        let [calm, limited] = if quick { [2, 10] } else { [5, 25] };
        let limit = Phase::fault(limited, "quota", "the upstream grants 200/s and answers 429 to the rest");
        Self {
            name: "quota",
            story:
                "The upstream begins to answer 429, retry after 5 s, to whatever exceeds 200 requests per \
                    second. It is healthy: its clients should get those 200."
                    .into(),
            phases: vec![Phase::calm(calm), Phase { manner: Manner::Grants(QUOTA), ..limit }],
        }
    }

    pub fn surge(quick: bool) -> Self {
        const USUAL: f64 = 0.5;
        let [calm, surge, after] = if quick { [3, 4, 5] } else { [8, 6, 11] };
        let ten = Phase::fault(surge, "surge", "ten times the load arrives");
        Self {
            name: "surge",
            story: format!(
                "An axum server that can serve 400 requests per second gets 140, and for {surge} s ten times as many."
            ),
            phases: vec![
                Phase { load: USUAL, ..Phase::calm(calm) },
                Phase { load: 10.0 * USUAL, ..ten },
                Phase { load: USUAL, begins: "the surge is over", ..Phase::calm(after) },
            ],
        }
    }

    /// Whether load is the trouble and servers are compared, not clients.
    pub fn is_about_servers(&self) -> bool {
        self.phases.iter().any(|phase| phase.load > 1.0)
    }

    pub fn length(&self) -> Duration {
        self.phases.iter().map(|phase| phase.length).sum()
    }

    /// The phase at a time since the start; the last one does not end.
    pub fn at(&self, elapsed: Duration) -> &Phase {
        &self.phases[self.index_at(elapsed)]
    }

    pub fn index_at(&self, elapsed: Duration) -> usize {
        let mut end = Duration::ZERO;
        self.phases
            .iter()
            .position(|phase| {
                end += phase.length;
                elapsed < end
            })
            .unwrap_or(self.phases.len() - 1)
    }

    pub fn faults(&self) -> Vec<Fault> {
        let mut start = 0.0;
        let mut faults: Vec<Fault> = Vec::new();
        for phase in &self.phases {
            let end = start + phase.length.as_secs_f64();
            if let Some(name) = phase.fault {
                if let Some(before) = faults.last_mut() {
                    before.until = start;
                }
                faults.push(Fault { name, from: start, to: end, until: self.length().as_secs_f64() });
            }
            start = end;
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_begins_where_the_one_before_ends() {
        let scene = Scene::brown_out(true);
        assert_eq!(scene.index_at(Duration::from_millis(2_999)), 0);
        assert_eq!(scene.index_at(Duration::from_millis(3_000)), 1);
        assert_eq!(scene.index_at(Duration::from_secs(1_000)), 2);
    }

    #[test]
    fn a_fault_leaves_time_to_recover_until_the_next_one() {
        let faults = Scene::blackout(true).faults();
        let times: Vec<_> = faults.iter().map(|f| (f.from, f.to, f.until)).collect();
        assert_eq!(times, [(2.0, 5.0, 12.0), (12.0, 17.0, 24.0)]);
    }

    #[test]
    fn the_default_scenes_last_as_long_as_promised() {
        assert_eq!(Scene::brown_out(false).length(), Duration::from_secs(45));
        assert_eq!(Scene::brown_out(true).length(), Duration::from_secs(15));
    }

    #[test]
    fn the_capacity_is_what_the_workers_manage() {
        assert_eq!(WORKERS as f64 / SERVICE.as_secs_f64(), CAPACITY);
    }
}
