use std::time::Duration;

use super::open_time::OpenTime;
use super::state::CircuitReason;
use crate::algo::window::{Counts, Shape};
use crate::units::{Instant, Ratio};

/// Settings that were checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) window: Shape,
    pub(crate) min_calls: u64,
    pub(crate) failure_rate: Ratio,
    pub(crate) outage: Option<OutageRule>,
    pub(crate) slow: Option<SlowRule>,
    pub(crate) trials: TrialRule,
    pub(crate) open_time: OpenTime,
    pub(crate) cancelled_after: Option<Duration>,
}

/// Nothing but failures, so many and for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutageRule {
    pub(crate) failures: u64,
    pub(crate) span: Duration,
}

/// Too large a share of calls that took longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SlowRule {
    pub(crate) longer_than: Duration,
    pub(crate) rate: Ratio,
}

/// How many trial calls per cycle, how many must succeed, and how long one may keep the others waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrialRule {
    pub(crate) calls: u32,
    pub(crate) successes: u32,
    pub(crate) timeout: Duration,
}

impl Settings {
    /// Whether a closed breaker opens, after a call was recorded that failed, was slow, or both.
    ///
    /// Each rule is looked at only when a call of its kind comes: what did not make things worse for a rule
    /// does not open the breaker by it.
    pub(super) fn opens(
        &self,
        counts: Counts,
        streak: Streak,
        now: Instant,
        failed: bool,
        slow: bool,
    ) -> Option<CircuitReason> {
        let enough = counts.recorded >= self.min_calls;
        if failed && enough && self.failure_rate.is_reached(counts.failures, counts.recorded) {
            return Some(CircuitReason::FailureRate);
        }
        if failed && self.outage.is_some_and(|rule| streak.is_outage(rule, now)) {
            return Some(CircuitReason::Outage);
        }
        let too_slow = |rule: SlowRule| rule.rate.is_reached(counts.slow, counts.recorded);
        (slow && enough && self.slow.is_some_and(too_slow)).then_some(CircuitReason::SlowCalls)
    }
}

/// Failures in a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streak {
    pub(super) failures: u64,
    first: Instant,
}

impl Streak {
    pub(super) const NONE: Self = Self { failures: 0, first: Instant::NEVER };

    pub(super) fn after_failure(self, now: Instant) -> Self {
        let first = if self.failures == 0 { now } else { self.first };
        Self { failures: self.failures.saturating_add(1), first }
    }

    fn is_outage(self, rule: OutageRule, now: Instant) -> bool {
        self.failures >= rule.failures && now.saturating_since(self.first) >= rule.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(0).saturating_add(Duration::from_millis(millis))
    }

    fn settings() -> Settings {
        Settings {
            window: Shape::Last(10),
            min_calls: 4,
            failure_rate: Ratio::new("failure_rate", 0.5).unwrap(),
            outage: Some(OutageRule { failures: 3, span: Duration::from_secs(1) }),
            slow: Some(SlowRule {
                longer_than: Duration::from_millis(100),
                rate: Ratio::new("slow_call_rate", 0.8).unwrap(),
            }),
            trials: TrialRule { calls: 1, successes: 1, timeout: Duration::from_secs(1) },
            open_time: OpenTime {
                base: Duration::from_secs(1),
                factor: 1.0,
                cap: Duration::from_secs(1),
                jitter: 0.0,
            },
            cancelled_after: None,
        }
    }

    #[test]
    fn each_rule_has_its_edge() {
        use CircuitReason::{FailureRate, Outage, SlowCalls};
        // recorded, failures, slow; failures in a row since 0; at; failed, slow
        let table = [
            ((3, 3, 0), 3, 999, true, false, None),
            ((3, 3, 0), 3, 1_000, true, false, Some(Outage)),
            ((3, 3, 0), 2, 9_000, true, false, None),
            ((4, 2, 0), 1, 0, true, false, Some(FailureRate)),
            ((5, 2, 0), 1, 0, true, false, None),
            ((5, 2, 4), 1, 0, false, true, Some(SlowCalls)),
            ((5, 2, 4), 1, 0, true, false, None),
            ((5, 2, 3), 1, 0, false, true, None),
            ((3, 0, 3), 0, 0, false, true, None),
            // A slow success opens by slowness only.
            ((4, 3, 1), 3, 9_000, false, true, None),
            ((4, 3, 4), 3, 9_000, true, true, Some(FailureRate)),
        ];
        for ((recorded, failures, slow), in_a_row, now, failed, is_slow, opens) in table {
            let streak = (0..in_a_row).fold(Streak::NONE, |streak, _| streak.after_failure(at(0)));
            let counts = Counts { recorded, failures, slow };
            assert_eq!(settings().opens(counts, streak, at(now), failed, is_slow), opens, "{counts:?} {now}");
        }
    }
}
