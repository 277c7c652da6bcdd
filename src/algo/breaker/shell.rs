use std::collections::BTreeMap;
use std::task::Waker;

use super::gate::{Gate, OFF, Sight, Word};
use super::machine::{Machine, Spares};
use super::outbox::{Outbox, Queued};
use super::phase::{Inputs, Recorded, Refusal, Role};
use super::report::{MachineView, Totals, Transition};
use super::rules::Settings;
use super::side_counts::SideCounts;
use super::state::CircuitState;
use super::tally::{Fresh, NotJoined, Taken, Tally};
use super::ticket::{After, Ending, Outlook, Ticket};
use super::waiters::Waiters;
use crate::algo::counter::Counter;
use crate::mode::Mode;
use crate::rng::Rng;
use crate::sync::{Mutex, lock};
use crate::units::Instant;

/// A [`Machine`] that threads share.
///
/// Through a closed breaker a call takes two steps that other threads see, both without the lock: it is
/// counted when it is admitted, and its success goes to the tally. Everything else is decided by the
/// machine under the lock, and published in the gate. Nothing of the user's runs here: what there is to wake and
/// to tell is handed out as [`After`].
#[derive(Debug)]
pub(crate) struct Shell {
    tally: Tally,
    gate: Gate,
    side: SideCounts,
    locked: Mutex<Locked>,
    /// Tells which attempt of its call runs now.
    attempt: fn() -> u32,
}

#[derive(Debug)]
struct Locked {
    machine: Machine,
    rng: Rng,
    taken: Taken,
    succeeded: u64,
    failed: u64,
    /// Of those that succeeded outside of the lock.
    late: u64,
    outbox: Outbox,
    waiters: Waiters,
}

/// What one step under the lock works on, and what came of it.
struct Step<'a> {
    machine: &'a mut Machine,
    succeeded: &'a mut u64,
    failed: &'a mut u64,
    inputs: Inputs<'a>,
    transition: Option<Transition>,
    /// Whether this thread may leave the next success in the tally.
    join: bool,
    /// Whether those who wait may have a chance now, for another reason than that the state changed.
    wake: bool,
}

impl Shell {
    pub(crate) fn new(settings: Settings, rng: Rng, now: Instant, attempt: fn() -> u32) -> Self {
        Self::with(Tally::new(), Outbox::new(), settings, rng, now, attempt)
    }

    /// One of many: threads share what they would otherwise have each for itself.
    pub(crate) fn small(settings: Settings, rng: Rng, now: Instant, attempt: fn() -> u32) -> Self {
        Self::with(Tally::small(), Outbox::small(), settings, rng, now, attempt)
    }

    fn with(
        tally: Tally,
        outbox: Outbox,
        settings: Settings,
        rng: Rng,
        now: Instant,
        attempt: fn() -> u32,
    ) -> Self {
        let machine = Machine::new(settings, now);
        Self {
            tally,
            gate: Gate::new(&machine),
            side: SideCounts::default(),
            locked: Mutex::new(Locked {
                machine,
                rng,
                taken: Taken::default(),
                succeeded: 0,
                failed: 0,
                late: 0,
                outbox,
                waiters: Waiters::default(),
            }),
            attempt,
        }
    }

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
    fn refusal_at_sight(&self, word: Word, now: Instant) -> Option<Refusal> {
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

    /// Whether it matters from the beginning how long a call takes.
    pub(crate) fn times_calls(&self) -> bool {
        self.gate.word().times_calls()
    }

    pub(crate) fn isolate(&self, until: Instant, now: Instant) -> After {
        self.by_hand(now, |machine, inputs| machine.isolate(until, inputs))
    }

    pub(crate) fn bypass(&self, until: Instant, now: Instant) -> After {
        self.by_hand(now, |machine, inputs| machine.bypass(until, inputs))
    }

    pub(crate) fn automatic(&self, now: Instant) -> After {
        self.by_hand(now, Machine::automatic)
    }

    pub(crate) fn reset(&self, now: Instant) -> After {
        self.by_hand(now, Machine::reset)
    }

    fn by_hand(
        &self,
        now: Instant,
        act: impl FnOnce(&mut Machine, &Inputs<'_>) -> Option<Transition>,
    ) -> After {
        let ((), after) = self.step(now, |step| step.transition = act(step.machine, &step.inputs));
        after
    }

    /// New settings, and a new sequence of random numbers if there is one.
    pub(crate) fn reconfigure(&self, settings: Settings, rng: Option<Rng>, now: Instant) -> After {
        let mut spares = Spares::of(&settings);
        let ((), after) = self.step(now, |step| {
            step.machine.reconfigure(settings, &mut spares);
            step.wake = true;
        });
        if let Some(rng) = rng {
            lock(&self.locked).rng = rng;
        }
        after
    }

    /// Lets all who wait look again.
    pub(crate) fn wake(&self, now: Instant) -> After {
        let ((), after) = self.step(now, |step| step.wake = true);
        after
    }

    pub(crate) fn state(&self) -> CircuitState {
        let known = self.gate.word().state();
        known.unwrap_or_else(|| lock(&self.locked).machine.phase().state())
    }

    /// State and counts.
    pub(crate) fn view_at(&self, now: Instant) -> (MachineView, Totals) {
        let mut locked = lock(&self.locked);
        self.take_tally_locked(&mut locked);
        locked.machine.advance(now);
        self.gate.publish_window(&locked.machine);
        let totals = self.totals_locked(&locked);
        (locked.machine.view(now), totals)
    }

    /// What was settled is read before what was admitted, so that nothing is negative.
    fn totals_locked(&self, locked: &Locked) -> Totals {
        let side = &self.side;
        // A part before the whole, too.
        let (panicked, late) = (side.panicked.get(), side.late.get());
        Totals {
            succeeded: locked.succeeded.saturating_add(side.passed_well.get()),
            failed: locked.failed.saturating_add(side.passed_badly.get()),
            throttled: side.throttled.get(),
            ignored: side.ignored.get(),
            cancelled: side.cancelled.get(),
            given_up: side.given_up.get(),
            panicked,
            late: late.saturating_add(locked.late),
            refused: side.refused.get(),
            not_ready: side.not_ready.get(),
            would_reject: side.would_reject.get(),
            admitted: self.tally.admitted(),
        }
    }

    /// Whether a fresh breaker would do as well as this one.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        let mut locked = lock(&self.locked);
        self.take_tally_locked(&mut locked);
        locked.machine.advance(now);
        self.gate.publish_window(&locked.machine);
        locked.machine.is_idle(now)
    }

    /// See [`After::deliver`].
    pub(crate) fn next_transition(&self) -> Option<Queued> {
        lock(&self.locked).outbox.next()
    }

    /// See [`After::deliver`].
    pub(crate) fn abandon(&self) {
        lock(&self.locked).outbox.abandon();
    }

    /// One step of the machine: first what happened outside the lock, then `act`, then what others are to see.
    fn step<T>(&self, now: Instant, act: impl FnOnce(&mut Step<'_>) -> T) -> (T, After) {
        let mut guard = lock(&self.locked);
        self.take_tally_locked(&mut guard);
        let Locked { machine, rng, succeeded, failed, outbox, waiters, .. } = &mut *guard;
        machine.advance(now);
        let before = (machine.epoch(), machine.phase(), *machine.settings());
        let random = || rng.unit();
        let inputs = Inputs { now, refused: self.side.refused.get(), random: &random };
        let mut step =
            Step { machine, succeeded, failed, inputs, transition: None, join: false, wake: false };
        let out = act(&mut step);

        let Step { machine, transition, join, mut wake, .. } = step;
        self.gate.publish_window(machine);
        if before != (machine.epoch(), machine.phase(), *machine.settings()) {
            wake = true;
            self.gate.publish(machine);
        }
        if let Some(transition) = transition {
            outbox.push(transition, (self.attempt)());
        }
        let wakers = if wake { waiters.take() } else { BTreeMap::new() };
        let deliver = outbox.begin();
        if join {
            let fresh = self.tally.join(guard.machine.epoch(), &mut guard.taken);
            guard.note(fresh);
        }
        (out, After { wakers, deliver })
    }

    fn take_tally_locked(&self, locked: &mut Locked) {
        let fresh = self.tally.take(locked.machine.epoch(), &mut locked.taken);
        locked.note(fresh);
    }
}

impl Locked {
    /// Tells the machine of successes that were left in the tally.
    fn note(&mut self, Fresh { current, late }: Fresh) {
        self.machine.push_successes(current);
        self.late = self.late.saturating_add(late);
        self.succeeded = self.succeeded.saturating_add(current).saturating_add(late);
    }
}

#[cfg(test)]
mod tests;
