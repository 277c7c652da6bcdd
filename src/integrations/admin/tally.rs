//! What the page counts of each kind of engine.

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
            #[cfg(feature = "circuit-breaker")]
            EngineDetail::CircuitBreaker(now) => {
                Self { failed: now.failed, in_flight: now.in_flight, ..Self::new(now.calls, now.rejected) }
            }
            #[cfg(feature = "bulkhead")]
            EngineDetail::Bulkhead(now) => {
                Self { in_flight: now.in_flight, ..Self::new(now.calls, now.rejected) }
            }
            #[cfg(feature = "rate-limit")]
            EngineDetail::RateLimit(now) => Self::new(now.calls, now.rejected),
            #[cfg(feature = "rate-limit")]
            EngineDetail::KeyedRateLimit(now) => Self::new(now.calls, now.rejected),
            #[cfg(feature = "retry")]
            EngineDetail::Retry(now) => {
                let given_up = [now.attempts_exhausted, now.budget_exhausted, now.deadline, now.not_repeatable];
                Self { attempts: now.attempts, failed: sum(given_up), ..Self::new(now.calls, 0) }
            }
            #[cfg(feature = "retry")]
            EngineDetail::RetryBudget(now) => Self { failed: now.refused, ..Self::default() },
            #[cfg(feature = "timeout")]
            EngineDetail::Timeout(now) => {
                let ended = [now.timed_out, now.cut_short, now.stalled];
                Self { failed: sum(ended), ..Self::new(now.calls, now.rejected) }
            }
            #[cfg(feature = "fallback")]
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

fn sum<const N: usize>(counts: [u64; N]) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}
