//! Calls that wait for the cells of one limit, in the order of arrival: the concurrent shell over the queue.

use std::num::NonZeroU32;
use std::task::Waker;

use super::{Bucket, Place, Queue, Rate, Refusal, Turn};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering::Relaxed, lock};
use crate::units::Instant;

/// A limit, and who waits for it. `Q` is the quota in the user's words.
#[derive(Debug)]
pub(crate) struct Line<Q> {
    // What every call touches stands together.
    bucket: Bucket,
    /// The length of the queue, so that a call looks into it only if somebody is there. Written under the
    /// lock. Who reads a zero that is no longer true came at the same time as that waiter, not after it. It
    /// publishes nothing but itself, hence relaxed.
    waiting: AtomicU64,
    waiters: Mutex<Waiters<Q>>,
}

/// What changes under one lock.
#[derive(Debug)]
struct Waiters<Q> {
    queue: Queue,
    quota: Q,
    /// How often that has changed.
    edition: u64,
}

/// What a call that waits knows of its place. Whoever has it has to [leave](Line::leave) in the end.
#[derive(Debug)]
pub(crate) struct Spot {
    place: Place,
    cost: NonZeroU32,
    since: Instant,
    /// The latest instant that the caller waits for.
    until: Instant,
    /// When the turn comes, as far as is known: those ahead may give up.
    due: Instant,
    /// The quota by which that was told.
    edition: u64,
    is_open: bool,
}

/// What becomes of a call that is ready to wait.
#[derive(Debug)]
pub(crate) enum Entered {
    Admitted,
    Waits(Spot),
    /// It would have to wait, and does not want to.
    WouldWait,
}

/// What a waiter learns when it looks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Admitted,
    Refused(Refusal),
    /// Look again then, or when woken.
    At(Instant),
}

impl<Q: Copy> Line<Q> {
    pub(crate) fn new(quota: Q, rate: Rate) -> Self {
        Self {
            bucket: Bucket::new(rate),
            waiting: AtomicU64::new(0),
            waiters: Mutex::new(Waiters { queue: Queue::default(), quota, edition: 0 }),
        }
    }

    pub(crate) fn read(&self) -> (Rate, u64) {
        self.bucket.read()
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    /// The cells that a newcomer finds ahead of it.
    pub(crate) fn ahead(&self) -> u64 {
        match self.waiting() {
            0 => 0,
            _ => lock(&self.waiters).queue.cells(),
        }
    }

    pub(crate) fn quota(&self) -> Q {
        lock(&self.waiters).quota
    }

    /// The quota in both forms.
    pub(crate) fn terms(&self) -> (Q, Rate) {
        // Under the lock that changes both.
        let waiters = lock(&self.waiters);
        (waiters.quota, self.bucket.read().0)
    }

    /// Who waits is scheduled anew.
    pub(crate) fn set_quota(&self, quota: Q, rate: Rate, now: Instant) {
        {
            let mut waiters = lock(&self.waiters);
            self.bucket.set_rate(rate, now);
            waiters.quota = quota;
            waiters.edition = waiters.edition.wrapping_add(1);
        }
        // All of them: whoever is ahead may never have been polled, and would tell nobody.
        self.wake_all();
    }

    /// Lets all who wait look again.
    pub(crate) fn wake_all(&self) {
        let all = lock(&self.waiters).queue.take_wakers();
        all.into_iter().for_each(Waker::wake);
    }

    /// Takes the cells if they are free, and no waiter wants them.
    #[inline]
    pub(crate) fn take(&self, now: Instant, cost: NonZeroU32) -> Result<(), Refusal> {
        if self.waiting.load(Relaxed) == 0 {
            return self.bucket.admit(now, cost);
        }
        self.take_in_line(now, cost)
    }

    #[cold]
    fn take_in_line(&self, now: Instant, cost: NonZeroU32) -> Result<(), Refusal> {
        self.take_behind(&lock(&self.waiters), now, cost)
    }

    /// Takes the cells if they are free even after everyone who waits got theirs; if not, takes the last
    /// place, unless the turn comes too late for the caller.
    pub(crate) fn enter(
        &self,
        now: Instant,
        cost: NonZeroU32,
        until: Instant,
        waits: bool,
    ) -> Result<Entered, Refusal> {
        // Under the lock nobody gets in between the look and the place.
        let mut waiters = lock(&self.waiters);
        let due = match self.take_behind(&waiters, now, cost) {
            Ok(()) => return Ok(Entered::Admitted),
            Err(Refusal::Until(due)) if due <= until => due,
            Err(refusal) => return Err(refusal),
        };
        if !waits {
            return Ok(Entered::WouldWait);
        }
        let place = waiters.queue.push(cost.get());
        self.count_waiting(&waiters);
        let edition = waiters.edition;
        Ok(Entered::Waits(Spot { place, cost, since: now, until, due, edition, is_open: true }))
    }

    /// Whether the turn has come. Otherwise the waker is in place before it is asked whether the call passes
    /// all the same, so that a change of that in between wakes it; and it is asked without the lock.
    ///
    /// The first asks. Another one does so at the instant that it was told, if those ahead did not come
    /// before it: as everyone ahead is due by then too, nobody loses by it.
    pub(crate) fn look(
        &self,
        spot: &mut Spot,
        now: Instant,
        waker: &Waker,
        passes: impl Fn() -> bool,
    ) -> Look {
        // A waker runs code of the executor when it is cloned and dropped: neither of it under the lock.
        let waker = waker.clone();
        let mut waiters = lock(&self.waiters);
        if spot.edition != waiters.edition {
            self.reschedule(spot, &waiters, now);
        }
        if now >= spot.due {
            let (rate, state) = self.bucket.read();
            waiters.queue.show_up(spot.place, |ahead, cost| rate.has_missed(state, ahead, now, cost));
        }
        let is_first = waiters.queue.is_first(spot.place);
        if is_first || now >= spot.due {
            let ahead = if is_first { 0 } else { waiters.queue.ahead_of(spot.place) };
            match self.take_in_turn(ahead, spot.since, now, spot.cost) {
                Ok(()) => {
                    self.leave_locked(spot, waiters);
                    return Look::Admitted;
                }
                Err(Refusal::Until(due)) if due <= spot.until => spot.due = due,
                Err(refusal) => {
                    self.leave_locked(spot, waiters);
                    return Look::Refused(refusal);
                }
            }
        }
        let former = waiters.queue.set_waker(spot.place, waker);
        drop(waiters);
        drop(former);
        if passes() {
            self.leave(spot);
            return Look::Admitted;
        }
        Look::At(spot.due)
    }

    /// The quota is another. Who comes earlier by it is told so; who comes later learns that at the instant that it was told:
    /// until then those ahead may give up.
    fn reschedule(&self, spot: &mut Spot, waiters: &Waiters<Q>, now: Instant) {
        spot.edition = waiters.edition;
        let (rate, state) = self.bucket.read();
        if spot.cost.get() <= rate.burst() {
            let ahead = waiters.queue.ahead_of(spot.place);
            let due = match rate.turn(state, ahead, spot.since, now, spot.cost.get()) {
                Turn::At(due) => due,
                Turn::Now { .. } => now,
            };
            spot.due = spot.due.min(due);
        }
    }

    /// Gives the place up.
    pub(crate) fn leave(&self, spot: &mut Spot) {
        self.leave_locked(spot, lock(&self.waiters));
    }

    /// Wakes and drops wakers after the lock is free: both may run code of others.
    fn leave_locked(&self, spot: &mut Spot, mut waiters: MutexGuard<'_, Waiters<Q>>) {
        spot.is_open = false;
        let [own, first] = waiters.queue.remove(spot.place);
        self.count_waiting(&waiters);
        drop(waiters);
        drop(own);
        if let Some(first) = first {
            first.wake();
        }
    }

    fn count_waiting(&self, waiters: &Waiters<Q>) {
        self.waiting.store(waiters.queue.len() as u64, Relaxed);
    }

    fn take_behind(&self, waiters: &Waiters<Q>, now: Instant, cost: NonZeroU32) -> Result<(), Refusal> {
        self.take_in_turn(waiters.queue.cells(), now, now, cost)
    }

    /// Takes the cells if it is the turn of a call that waits since then behind so many cells.
    fn take_in_turn(
        &self,
        ahead: u64,
        since: Instant,
        now: Instant,
        cost: NonZeroU32,
    ) -> Result<(), Refusal> {
        while !self.try_in_turn(ahead, since, now, cost)? {}
        Ok(())
    }

    /// False if the state or the rate has changed meanwhile; then everything is to be computed anew.
    fn try_in_turn(
        &self,
        ahead: u64,
        since: Instant,
        now: Instant,
        cost: NonZeroU32,
    ) -> Result<bool, Refusal> {
        let (rate, state) = self.bucket.read();
        if cost.get() > rate.burst() {
            return Err(Refusal::AboveBurst);
        }
        match rate.turn(state, ahead, since, now, cost.get()) {
            Turn::At(due) => Err(Refusal::Until(due)),
            // As of when the turn came, not of now: a late wake-up must not lower the rate.
            Turn::Now { as_of } => Ok(self.bucket.admit(as_of, cost).is_ok()),
        }
    }
}

impl Spot {
    /// Whether it was not given up, and its turn did not come.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn cost(&self) -> u32 {
        self.cost.get()
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }
}

#[cfg(test)]
mod tests;
