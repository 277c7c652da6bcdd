//! Calls that come: let through, refused, or waiting.

use std::task::Waker;

use super::Shell;
use crate::algo::breaker::gate::{Sight, Word};
use crate::algo::breaker::phase::{Refusal, Role};
use crate::algo::breaker::ticket::{After, Outlook, Ticket};
use crate::mode::Mode;
use crate::sync::lock;
use crate::units::Instant;

impl Shell {
    /// The common case: lets a call through a closed breaker. Also says whether its time is to be taken.
    #[inline]
    pub(crate) fn admit_closed(&self) -> Option<(Ticket, bool)> {
        let word = self.gate.word();
        if word.sight() != Sight::Closed {
            return None;
        }
        self.tally.admit();
        Some((Ticket { epoch: word.epoch(), role: Role::Call }, word.times_calls()))
    }

    /// All other cases. A refusal is not counted yet.
    pub(crate) fn admit_at(&self, now: Instant, mode: Mode) -> (Result<Ticket, Refusal>, After) {
        if mode == Mode::Off {
            return (Ok(self.pass()), After::NOTHING);
        }
        if let Some(refusal) = self.refusal_at_sight(self.gate.word(), now) {
            return (self.refuse(refusal, mode), After::NOTHING);
        }
        let (admitted, after) = self.step(now, |step| {
            let (role, transition) = step.machine.admit(&step.inputs);
            step.transition = transition;
            role.map(|role| {
                // Under the lock: who looks finds no slot taken by a call that is not in flight yet.
                self.tally.admit();
                Ticket { epoch: step.machine.epoch(), role }
            })
        });
        (admitted.or_else(|refusal| self.refuse(refusal, mode)), after)
    }

    /// A refusal, or in a dry run a call that passes all the same.
    fn refuse(&self, refusal: Refusal, mode: Mode) -> Result<Ticket, Refusal> {
        if mode == Mode::Enforce {
            return Err(refusal);
        }
        let ticket = self.pass();
        // A part after the whole, so that it is never more.
        self.side.would_reject.add();
        Ok(ticket)
    }

    /// Refuses a call for a reason that the machine knows nothing of. Not counted yet.
    pub(crate) fn refuse_anyway(&self, mode: Mode) -> Result<Ticket, Refusal> {
        match mode {
            Mode::Off => Ok(self.pass()),
            mode => self.refuse(Refusal { until: Instant::NEVER, retry_after: None }, mode),
        }
    }

    /// A call that is let through and decides nothing.
    pub(crate) fn pass(&self) -> Ticket {
        self.tally.admit();
        Ticket { epoch: 0, role: Role::Passed }
    }

    /// The refusal that can be told without the lock.
    pub(super) fn refusal_at_sight(&self, word: Word, now: Instant) -> Option<Refusal> {
        if word.sight() != Sight::Shut {
            return None;
        }
        let until = self.gate.until(word).filter(|until| now < *until)?;
        let is_known = word.is_automatic() && until < Instant::NEVER;
        Some(Refusal { until, retry_after: is_known.then(|| until.saturating_since(now)) })
    }

    pub(crate) fn count_refused(&self) {
        self.side.refused.add();
    }

    pub(crate) fn count_not_ready(&self) {
        self.side.not_ready.add();
    }

    /// What would become of a call. Changes nothing.
    #[inline]
    pub(crate) fn outlook(&self, mode: impl FnOnce() -> Mode, clock: impl FnOnce() -> Instant) -> Outlook {
        let word = self.gate.word();
        if word.sight() == Sight::Closed { Outlook::Admitted } else { self.outlook_by(word, mode, clock) }
    }

    #[cold]
    fn outlook_by(
        &self,
        word: Word,
        mode: impl FnOnce() -> Mode,
        clock: impl FnOnce() -> Instant,
    ) -> Outlook {
        match word.sight() {
            Sight::Closed | Sight::Bypassed => Outlook::Admitted,
            _ if mode() != Mode::Enforce => Outlook::Admitted,
            Sight::Ask => Outlook::Depends,
            Sight::Shut => match self.refusal_at_sight(word, clock()) {
                Some(_) => Outlook::Refused,
                None => Outlook::Admitted,
            },
        }
    }

    /// The refusal that a call would meet if it is enforced. Changes nothing.
    pub(crate) fn refusal_at(&self, now: Instant) -> Option<Refusal> {
        let at_sight = self.refusal_at_sight(self.gate.word(), now);
        at_sight.or_else(|| lock(&self.locked).machine.refusal(now))
    }

    /// Registers a task that waits until a call may proceed, unless it may now. Also tells when to look again.
    pub(crate) fn wait_at(&self, now: Instant, id: &mut Option<u64>, waker: &Waker) -> Option<Refusal> {
        // A waker runs code of the executor when it is cloned and dropped: neither of it under the lock.
        let mut waker = Some(waker.clone());
        let mut locked = lock(&self.locked);
        let refusal = locked.machine.refusal(now);
        if refusal.is_some() {
            waker = waker.and_then(|waker| locked.waiters.insert(id, waker));
        }
        drop(locked);
        drop(waker);
        refusal
    }

    /// That task waits no more.
    pub(crate) fn forget(&self, id: u64) {
        let waker = lock(&self.locked).waiters.remove(id);
        drop(waker);
    }
}
