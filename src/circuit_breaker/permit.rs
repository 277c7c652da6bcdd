use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use super::engine::Shared;
use crate::algo::breaker::{After, Ending, Shell, Ticket};
use crate::clock;
use crate::mode::Mode;
use crate::spread::Lent;
use crate::units::Instant;
use crate::verdict::{Outcome, Verdict};

/// Proof that a breaker let a call through, to be given back with what came of it.
///
/// Dropping it unsettled means that the call was cancelled. Made by
/// [`CircuitBreaker::try_admit`](super::CircuitBreaker::try_admit).
///
/// ```
/// use buttress::{CircuitBreaker, CircuitBreakerConfig, Verdict};
///
/// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
/// breaker.try_admit().unwrap().settle(Verdict::success());
/// drop(breaker.try_admit().unwrap());
/// assert_eq!((breaker.snapshot().succeeded, breaker.snapshot().cancelled), (1, 1));
/// ```
#[must_use = "dropping a permit means that the call was cancelled"]
pub struct CircuitPermit(Permit<Lent<Shared>>);

/// What a permit needs to know of its breaker.
pub(super) trait Desk {
    fn shell(&self) -> &Shell;
    fn mode(&self) -> Mode;
    fn record_duration(&self, time: Duration);
    fn finish(&self, after: After);
}

/// A permit, whatever holds the breaker.
pub(super) struct Permit<L: Deref<Target: Desk>> {
    /// Gone once it is settled.
    desk: Option<L>,
    ticket: Ticket,
    /// Never, if it is not known.
    started: Instant,
    /// Whether the call began. One that is given up before that is no sign that it hung.
    has_begun: bool,
}

/// What a response future does with a permit.
pub trait Settle {
    /// Says what came of the call.
    fn settle_in_place(&mut self, verdict: &Verdict);
    /// The answer is pending.
    fn note_pending(&mut self);
    /// The caller lost interest in an answer that was coming in, which is no sign that the call hung.
    #[cfg(feature = "http")]
    fn give_up(self);
}

impl CircuitPermit {
    #[inline]
    pub(super) fn new(shared: Lent<Shared>, ticket: Ticket, started: Instant) -> Self {
        Self(Permit::new(shared, ticket, started))
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

    #[cfg(test)]
    pub(crate) fn settle_at(self, verdict: Verdict, now: Instant) {
        self.0.settle_at(verdict, now);
    }
}

impl Settle for CircuitPermit {
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

impl<L: Deref<Target: Desk>> Permit<L> {
    #[inline]
    pub(super) fn new(desk: L, ticket: Ticket, started: Instant) -> Self {
        Self { desk: Some(desk), ticket, started, has_begun: true }
    }

    /// Of a call that begins when its future is polled.
    #[inline]
    pub(super) fn not_begun(mut self) -> Self {
        self.has_begun = false;
        self
    }

    #[cfg(feature = "http")]
    pub(super) fn give_up(mut self) {
        self.has_begun = false;
    }

    /// Says what came of the call.
    pub(super) fn settle(mut self, verdict: Verdict) {
        self.end_with_answer(of(&verdict), clock::now);
    }

    /// As [`settle`](Self::settle), where it is.
    #[inline]
    pub(crate) fn settle_in_place(&mut self, verdict: &Verdict) {
        let at_once = !self.has_begun && verdict.outcome() == Outcome::Success;
        if !at_once || !self.succeed(clock::now) {
            self.end_with_answer(of(verdict), clock::now);
        }
    }

    #[cfg(test)]
    pub(super) fn settle_at(mut self, verdict: Verdict, now: Instant) {
        self.end_with_answer(of(&verdict), || now);
    }

    /// The answer is pending. From the first time on, the call counts as being in flight.
    pub(crate) fn note_pending(&mut self) {
        self.has_begun = true;
        if self.started == Instant::NEVER {
            self.started = clock::now();
        }
    }

    /// The common case: a success of a closed breaker. False if it was something else, and is not settled yet.
    #[inline]
    fn succeed(&mut self, clock: impl FnOnce() -> Instant) -> bool {
        let is_settled = self
            .desk
            .as_ref()
            .is_some_and(|desk| desk.shell().settle_success(self.ticket, self.started, desk.mode(), clock));
        if is_settled {
            self.desk = None;
        }
        is_settled
    }

    fn end(&mut self, ending: Ending, clock: impl Fn() -> Instant) {
        if ending == Ending::Success && self.succeed(&clock) {
            return;
        }
        let Some(desk) = &self.desk else { return };
        // Both may write to the log, which may panic: then the call is ended when it is dropped.
        if matches!(ending, Ending::Failure(_)) {
            clock::check_now_and_then();
        }
        let mode = desk.mode();
        let Some(desk) = self.desk.take() else { return };
        desk.finish(desk.shell().settle(self.ticket, self.started, ending, mode, clock));
    }

    #[cold]
    fn cancel(&mut self) {
        if !self.has_begun {
            self.started = Instant::NEVER;
        }
        self.end(Ending::Cancelled { by_panic: std::thread::panicking() }, clock::now);
    }

    #[inline(never)]
    fn end_with_answer(&mut self, ending: Ending, clock: impl Fn() -> Instant) {
        // What was answered at once took no time worth a look at the clock.
        if !self.has_begun {
            return self.end(ending, clock);
        }
        let now = clock();
        if let Some(desk) = &self.desk {
            // Before it is settled: a snapshot that counts the call then finds its time as well.
            desk.record_duration(now.saturating_since(self.started));
        }
        self.end(ending, || now);
    }
}

fn of(verdict: &Verdict) -> Ending {
    match verdict.outcome() {
        Outcome::Success => Ending::Success,
        Outcome::Failure => Ending::Failure(verdict.cause()),
        Outcome::Throttled => Ending::Throttled,
        Outcome::Ignored => Ending::Ignored,
    }
}

impl<L: Deref<Target: Desk>> Drop for Permit<L> {
    #[inline]
    fn drop(&mut self) {
        if self.desk.is_some() {
            self.cancel();
        }
    }
}

impl<L: Deref<Target: Desk>> fmt::Debug for Permit<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitPermit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl fmt::Debug for CircuitPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
