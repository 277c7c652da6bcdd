//! What the page counts of each kind of engine.

use crate::algo::histogram::Histogram;
use crate::registry::EngineDetail;

/// Counters since an engine was made, in words that fit every kind, and its calls in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) calls: u64,
    /// Attempts that were sent for them; the same where nothing is repeated.
    pub(super) attempts: u64,
    /// Calls that this engine refused.
    pub(super) rejected: u64,
    /// What went wrong, as far as this engine tells it: failures, time-outs, repeats without a token, calls
    /// that a fallback was asked for.
    pub(super) failed: u64,
    pub(super) in_flight: u64,
}

impl Tally {
    pub(super) fn of(detail: &EngineDetail) -> Self {
        match detail {
            EngineDetail::CircuitBreaker(now) => {
                Self { failed: now.failed, in_flight: now.in_flight, ..Self::new(now.calls, now.rejected) }
            }
            EngineDetail::KeyedCircuitBreaker(now) => {
                Self { failed: now.failed, in_flight: now.in_flight, ..Self::new(now.calls, now.rejected) }
            }
            EngineDetail::Bulkhead(now) => {
                Self { in_flight: now.in_flight, ..Self::new(now.calls, now.rejected) }
            }
            EngineDetail::KeyedBulkhead(now) => {
                Self { in_flight: now.in_flight, ..Self::new(now.calls, now.rejected) }
            }
            EngineDetail::RateLimit(now) => Self::new(now.calls, now.rejected),
            EngineDetail::KeyedRateLimit(now) => Self::new(now.calls, now.rejected),
            EngineDetail::Retry(now) => {
                let given_up =
                    [now.attempts_exhausted, now.budget_exhausted, now.deadline, now.not_repeatable];
                Self { attempts: now.attempts, failed: sum(given_up), ..Self::new(now.calls, 0) }
            }
            EngineDetail::RetryBudget(now) => Self { failed: now.refused, ..Self::default() },
            EngineDetail::Timeout(now) => {
                let ended = [now.timed_out, now.cut_short, now.stalled];
                Self { failed: sum(ended), ..Self::new(now.calls, now.rejected) }
            }
            EngineDetail::Fallback(now) => {
                // What came without readiness is answered by the fallback, not refused.
                Self { failed: sum([now.degraded, now.failed]), ..Self::new(now.calls, 0) }
            }
        }
    }

    fn new(calls: u64, rejected: u64) -> Self {
        Self { calls, attempts: calls, rejected, ..Self::default() }
    }

    /// Whether these counters can be those of the same engine, later.
    pub(super) fn follows(&self, earlier: &Self) -> bool {
        self.calls >= earlier.calls && self.attempts >= earlier.attempts && self.failed >= earlier.failed
    }
}

/// How long calls took, or waited where they wait; `None` where nothing is timed.
pub(super) fn times(detail: &EngineDetail) -> Option<&Histogram> {
    match detail {
        EngineDetail::CircuitBreaker(now) => Some(&now.call_duration),
        EngineDetail::KeyedCircuitBreaker(now) => Some(&now.call_duration),
        EngineDetail::Bulkhead(now) => Some(&now.queue_wait),
        EngineDetail::KeyedBulkhead(now) => Some(&now.queue_wait),
        EngineDetail::RateLimit(now) => Some(&now.queue_wait),
        EngineDetail::Timeout(now) => Some(&now.call_duration),
        _ => None,
    }
}

/// Empties what [`times`] shows: it is long, and an update tells the last minute of it in three numbers.
pub(super) fn forget_times(detail: &mut EngineDetail) {
    match detail {
        EngineDetail::CircuitBreaker(now) => now.call_duration = Histogram::default(),
        EngineDetail::KeyedCircuitBreaker(now) => now.call_duration = Histogram::default(),
        EngineDetail::Bulkhead(now) => now.queue_wait = Histogram::default(),
        EngineDetail::KeyedBulkhead(now) => now.queue_wait = Histogram::default(),
        EngineDetail::RateLimit(now) => now.queue_wait = Histogram::default(),
        EngineDetail::Timeout(now) => now.call_duration = Histogram::default(),
        _ => {}
    }
}

fn sum<const N: usize>(counts: [u64; N]) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}
