//! The place of one call among those that wait: the concurrent shell over the queue.

use std::num::NonZeroU32;
use std::task::Waker;

use crate::algo::gcra::{Place, Queue, Refusal, Turn};
use crate::rate_limit::engine::RateLimiter;
use crate::rate_limit::quota::Quota;
use crate::sync::{MutexGuard, Ordering::Relaxed, lock};
use crate::units::Instant;

/// What changes under one lock: the waiters, and the quota in the user's words.
#[derive(Debug)]
pub(in crate::rate_limit) struct Waiters {
    pub(in crate::rate_limit) queue: Queue,
    pub(in crate::rate_limit) quota: Quota,
}

impl Waiters {
    pub(in crate::rate_limit) fn new(quota: Quota) -> Self {
        Self { queue: Queue::default(), quota }
    }
}

/// A place in the queue. Given up when dropped; nothing was taken then.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) limiter: RateLimiter,
    place: Place,
    pub(super) cost: NonZeroU32,
    pub(super) since: Instant,
    /// The latest instant that the caller waits for.
    until: Instant,
    /// When the turn comes, as far as is known: those ahead may give up.
    due: Instant,
    is_open: bool,
}

/// What a waiter learns when it looks.
#[derive(Debug)]
pub(super) enum Look {
    Admitted,
    Refused(Refusal),
    /// Look again then, or when woken.
    At(Instant),
}

impl RateLimiter {
    /// Takes the cells if they are free even after everyone who waits got theirs.
    pub(in crate::rate_limit) fn take_behind(
        &self,
        waiters: &Waiters,
        now: Instant,
        cost: NonZeroU32,
    ) -> Result<(), Refusal> {
        self.take_in_turn(waiters.queue.cells(), now, now, cost)
    }

    /// As `take_behind`; if there are none, when there will be, unless that is too late for the caller.
    pub(super) fn take_or_wait(
        &self,
        waiters: &Waiters,
        now: Instant,
        cost: NonZeroU32,
        until: Instant,
    ) -> Result<Option<Instant>, Refusal> {
        match self.take_behind(waiters, now, cost) {
            Ok(()) => Ok(None),
            Err(Refusal::Until(due)) if due <= until => Ok(Some(due)),
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes the cells if it is the turn of a call that waits since then behind so many cells.
    fn take_in_turn(
        &self,
        ahead: u64,
        since: Instant,
        now: Instant,
        cost: NonZeroU32,
    ) -> Result<(), Refusal> {
        let bucket = &self.0.bucket;
        loop {
            let (rate, state) = bucket.read();
            if cost.get() > rate.burst() {
                return Err(Refusal::AboveBurst);
            }
            match rate.turn(state, ahead, since, now, cost.get()) {
                Turn::At(due) => return Err(Refusal::Until(due)),
                // As of when the turn came, not of now: a late wake-up must not lower the rate. Refused
                // only if the state or the rate is another by now; then everything is computed anew.
                Turn::Now { as_of } => {
                    if bucket.admit(as_of, cost).is_ok() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn count_waiting(&self, waiters: &Waiters) {
        self.0.waiting.store(waiters.queue.len() as u64, Relaxed);
    }
}

impl Ticket {
    /// The last place, for a call that came at `since` and whose turn comes when `due` is.
    pub(super) fn open(
        limiter: &RateLimiter,
        waiters: &mut Waiters,
        since: Instant,
        cost: NonZeroU32,
        [due, until]: [Instant; 2],
    ) -> Self {
        let place = waiters.queue.push(cost.get());
        limiter.count_waiting(waiters);
        Self { limiter: limiter.clone(), place, cost, since, until, due, is_open: true }
    }

    /// Whether the turn has come.
    ///
    /// The first asks. Another one does so at the instant that it was told, if those ahead did not come
    /// before it: as everyone ahead is due by then too, nobody loses by it.
    pub(super) fn look(&mut self, now: Instant, waker: &Waker) -> Look {
        let limiter = self.limiter.clone();
        let mut waiters = lock(&limiter.0.waiters);
        if now >= self.due {
            let (rate, state) = limiter.0.bucket.read();
            waiters.queue.show_up(self.place, |ahead, cost| rate.has_missed(state, ahead, now, cost));
        }
        let is_first = waiters.queue.is_first(self.place);
        if is_first || now >= self.due {
            let ahead = if is_first { 0 } else { waiters.queue.ahead_of(self.place) };
            match limiter.take_in_turn(ahead, self.since, now, self.cost) {
                Ok(()) => {
                    self.leave(waiters);
                    return Look::Admitted;
                }
                Err(Refusal::Until(due)) if due <= self.until => self.due = due,
                Err(refusal) => {
                    self.leave(waiters);
                    return Look::Refused(refusal);
                }
            }
        }
        let former = waiters.queue.set_waker(self.place, waker);
        drop(waiters);
        drop(former);
        // After the waker is in place, so that a change of the mode in between wakes it; and without the lock.
        if limiter.0.refusals.panel.lets_pass(&limiter.0.would_wait) {
            self.leave(lock(&limiter.0.waiters));
            return Look::Admitted;
        }
        Look::At(self.due.min(limiter.0.refusals.panel.until()))
    }

    /// Wakes and drops wakers after the lock is free: both may run code of others.
    fn leave(&mut self, mut waiters: MutexGuard<'_, Waiters>) {
        self.is_open = false;
        let [own, first] = waiters.queue.remove(self.place);
        self.limiter.count_waiting(&waiters);
        drop(waiters);
        drop(own);
        if let Some(first) = first {
            first.wake();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_open {
            let limiter = self.limiter.clone();
            limiter.0.abandoned.fetch_add(1, Relaxed);
            self.leave(lock(&limiter.0.waiters));
        }
    }
}
