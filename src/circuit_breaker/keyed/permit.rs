use std::fmt;

use super::circuit::Circuit;
use crate::algo::breaker::Ticket;
use crate::circuit_breaker::permit::{Permit, Settle};
use crate::sync::Arc;
use crate::units::Instant;
use crate::verdict::Verdict;

/// Proof that the breaker of a key let a call through, to be given back with what came of it.
///
/// Dropping it unsettled means that the call was cancelled. While there is one, its key keeps its place.
///
/// ```
/// use buttress::{CircuitBreakerConfig, KeyedCircuitBreaker, Verdict};
///
/// let breaker = KeyedCircuitBreaker::new(CircuitBreakerConfig::default());
/// let permit = breaker.try_admit("shard-7").unwrap();
/// assert_eq!(breaker.snapshot().in_flight, 1);
/// permit.settle(Verdict::success());
/// assert_eq!(breaker.snapshot().succeeded, 1);
/// ```
#[must_use = "dropping a permit means that the call was cancelled"]
pub struct KeyedCircuitPermit(Permit<Arc<Circuit>>);

impl KeyedCircuitPermit {
    #[inline]
    pub(super) fn new(circuit: Arc<Circuit>, ticket: Ticket, started: Instant) -> Self {
        Self(Permit::new(circuit, ticket, started))
    }

    /// Of a call that begins when its future is polled.
    #[inline]
    pub(super) fn not_begun(self) -> Self {
        Self(self.0.not_begun())
    }

    /// Says what came of the call.
    pub fn settle(self, verdict: Verdict) {
        self.0.settle(verdict);
    }
}

impl Settle for KeyedCircuitPermit {
    #[inline]
    fn settle_in_place(&mut self, verdict: &Verdict) {
        self.0.settle_in_place(verdict);
    }

    fn note_pending(&mut self) {
        self.0.note_pending();
    }

    #[cfg(feature = "http")]
    fn give_up(self) {
        self.0.give_up();
    }
}

impl fmt::Debug for KeyedCircuitPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
