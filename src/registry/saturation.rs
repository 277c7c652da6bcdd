//! Demand of late: what came in over the last seconds, from counters that only ever grow. Plain data.

use std::collections::VecDeque;
use std::time::Duration;

use crate::units::Instant;

/// Counters at the times when somebody looked, a few of them.
///
/// Whoever scrapes does it every so many seconds, and there may be several who do. So a look is compared
/// with the latest one that is old enough to tell a rate from.
#[derive(Debug, Default)]
pub(super) struct Demand(VecDeque<Look>);

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    calls: u64,
    admitted: u64,
}

/// Looks closer together than this are one.
const APART: Duration = Duration::from_secs(1);
/// A rate is taken over at least this time, if anybody looked so long ago.
const LONG_ENOUGH: Duration = Duration::from_secs(5);
const KEPT: usize = 8;

impl Demand {
    /// Over which time, how many calls there were and how many of them were admitted. `None` at the first look.
    pub(super) fn look(&mut self, now: Instant, calls: u64, admitted: u64) -> Option<(Duration, u64, u64)> {
        let age = |look: &Look| now.saturating_since(look.at);
        let old_enough = self.0.iter().rev().find(|look| age(look) >= LONG_ENOUGH);
        let since = old_enough.or_else(|| self.0.front()).copied();
        if self.0.back().is_none_or(|latest| age(latest) >= APART) {
            if self.0.len() == KEPT {
                self.0.pop_front();
            }
            self.0.push_back(Look { at: now, calls, admitted });
        }
        let since = since.filter(|look| age(look) >= APART)?;
        Some((age(&since), calls.saturating_sub(since.calls), admitted.saturating_sub(since.admitted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_first_look_tells_nothing() {
        let mut demand = Demand::default();
        assert_eq!(demand.look(at(100), 50, 50), None);
        assert_eq!(demand.look(at(100), 51, 50), None);
    }

    #[test]
    fn the_rate_is_taken_over_a_while_however_often_somebody_looks() {
        let mut demand = Demand::default();
        let looks: Vec<_> = (0..60).map(|second| demand.look(at(second), second * 10, second * 4)).collect();
        assert_eq!(looks[1], Some((Duration::from_secs(1), 10, 4)));
        assert!(looks[5..].iter().all(|look| *look == Some((Duration::from_secs(5), 50, 20))), "{looks:?}");
    }

    #[test]
    fn who_looks_seldom_gets_the_rate_since_then() {
        let mut demand = Demand::default();
        demand.look(at(0), 0, 0);
        assert_eq!(demand.look(at(60), 600, 300), Some((Duration::from_secs(60), 600, 300)));
        assert_eq!(demand.look(at(120), 1_800, 300), Some((Duration::from_secs(60), 1_200, 0)));
    }
}
