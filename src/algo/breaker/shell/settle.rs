//! Calls that end.

use super::Shell;
use crate::algo::breaker::gate::OFF;
use crate::algo::breaker::machine::Machine;
use crate::algo::breaker::phase::{Recorded, Role};
use crate::algo::breaker::tally::NotJoined;
use crate::algo::breaker::ticket::{After, Ending, Ticket};
use crate::algo::counter::Counter;
use crate::mode::Mode;
use crate::sync::lock;
use crate::units::Instant;

impl Shell {
    /// The common case: leaves a success in the tally. False if that is not the place for it, and the call has to be
    /// [settled](Self::settle). `started` is when it began, or never if that is not known.
    #[inline]
    pub(crate) fn settle_success(
        &self,
        ticket: Ticket,
        started: Instant,
        mode: Mode,
        clock: impl FnOnce() -> Instant,
    ) -> bool {
        if ticket.role != Role::Call || mode == Mode::Off {
            return false;
        }
        let bucket_until = self.gate.bucket_until();
        let longest = self.gate.longest();
        // The last calls need no clock, unless it matters how long they took.
        if bucket_until < Instant::NEVER || longest < OFF {
            let now = clock();
            if now >= bucket_until || now.nanos_since(started) > longest {
                return false;
            }
        }
        match self.tally.add(ticket.epoch) {
            Ok(false) => true,
            Ok(true) => {
                self.empty_tally();
                true
            }
            Err(NotJoined) => false,
        }
    }

    #[cold]
    fn empty_tally(&self) {
        self.take_tally_locked(&mut lock(&self.locked));
    }

    /// Records how a call ended.
    #[inline(never)]
    pub(crate) fn settle(
        &self,
        ticket: Ticket,
        started: Instant,
        ending: Ending,
        mode: Mode,
        clock: impl Fn() -> Instant,
    ) -> After {
        let decides = mode != Mode::Off;
        match ending {
            Ending::Success => self.record(ticket, started, None, decides, clock()),
            Ending::Failure(cause) => self.record(ticket, started, Some(cause), decides, clock()),
            Ending::Throttled => self.end(ticket, &self.side.throttled, true, clock),
            Ending::Ignored => self.end(ticket, &self.side.ignored, true, clock),
            Ending::Cancelled { by_panic: true } => {
                let after = self.end(ticket, &self.side.cancelled, false, clock);
                self.side.panicked.add();
                after
            }
            Ending::Cancelled { by_panic: false } => {
                // In Rust, an impatient caller is how a hung call ends.
                // One whose beginning is not known took no time.
                let now = self.gate.cancelled_after().map(|limit| (clock(), limit));
                match now.filter(|(now, limit)| now.saturating_since(started) >= *limit) {
                    Some((now, _)) => {
                        // Before it fails, so that no snapshot takes it for an answer.
                        self.side.given_up.add();
                        self.record(ticket, started, Some("cancelled"), decides, now)
                    }
                    None => self.end(ticket, &self.side.cancelled, false, clock),
                }
            }
        }
    }

    /// A call that succeeded or failed. Whether that decides anything depends on the mode: a trial call that does
    /// not gives its slot back.
    fn record(
        &self,
        ticket: Ticket,
        started: Instant,
        failure: Option<&'static str>,
        decides: bool,
        now: Instant,
    ) -> After {
        let is_trial = matches!(ticket.role, Role::Trial(_));
        if ticket.role == Role::Passed || !decides && !is_trial {
            let side = &self.side;
            let count = if failure.is_some() { &side.passed_badly } else { &side.passed_well };
            return self.end(ticket, count, true, || now);
        }
        let ((), after) = self.step(now, |step| {
            let total = if failure.is_some() { &mut *step.failed } else { &mut *step.succeeded };
            *total = total.saturating_add(1);
            if !self.is_current(ticket, step.machine) {
                return;
            }
            if decides {
                let rule = step.machine.settings().slow;
                let slow = rule.is_some_and(|rule| now.saturating_since(started) > rule.longer_than);
                let recorded = Recorded { failure, slow };
                step.transition = step.machine.record(ticket.role, recorded, &step.inputs);
                step.join = failure.is_none() && ticket.role == Role::Call;
            } else {
                step.wake = step.machine.give_back(ticket.role);
            }
        });
        after
    }

    /// Whether a result decides anything. Counts it if it comes too late for that.
    fn is_current(&self, ticket: Ticket, machine: &Machine) -> bool {
        let is_late = ticket.epoch != machine.epoch();
        if is_late {
            self.side.late.add();
        }
        !is_late
    }

    /// A call without a result that counts.
    fn end(&self, ticket: Ticket, count: &Counter, is_result: bool, clock: impl Fn() -> Instant) -> After {
        if let Role::Trial(_) = ticket.role {
            return self.end_trial(ticket, count, is_result, clock());
        }
        count.add();
        if ticket.role == Role::Call && is_result && ticket.epoch != self.gate.word().epoch() {
            self.side.late.add();
        }
        After::NOTHING
    }

    /// Under the lock: who looks finds no slot taken by a call that has ended.
    fn end_trial(&self, ticket: Ticket, count: &Counter, is_result: bool, now: Instant) -> After {
        let ((), after) = self.step(now, |step| {
            count.add();
            if ticket.epoch == step.machine.epoch() {
                step.wake = step.machine.give_back(ticket.role);
            } else if is_result {
                self.side.late.add();
            }
        });
        after
    }
}
