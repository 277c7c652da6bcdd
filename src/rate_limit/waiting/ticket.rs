//! The place of one call among those that wait.

use std::cell::Cell;
use std::task::Waker;

use crate::algo::gcra::{Look, Spot};
use crate::rate_limit::engine::RateLimiter;
use crate::sync::Ordering::Relaxed;
use crate::units::Instant;

/// A place in the line. Given up when dropped; nothing was taken then.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) limiter: RateLimiter,
    pub(super) spot: Spot,
}

impl Ticket {
    /// Whether the turn has come, or the mode lets it pass.
    pub(super) fn look(&mut self, now: Instant, waker: &Waker) -> Look {
        let shared = &*self.limiter.0;
        let panel = &shared.refusals.panel;
        let until = Cell::new(Instant::NEVER);
        let passes = || {
            let (mode, mode_until) = panel.mode_until();
            until.set(mode_until);
            mode.lets_pass(&shared.would_wait)
        };
        match shared.line.look(&mut self.spot, now, waker, passes) {
            Look::At(due) => Look::At(due.min(until.get())),
            look => look,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let shared = &*self.limiter.0;
        if self.spot.is_open() {
            shared.abandoned.fetch_add(1, Relaxed);
            shared.line.leave(&mut self.spot);
        }
    }
}
