mod admit;
mod control;
mod look;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::gate::Gate;
use super::machine::Machine;
use super::outbox::Outbox;
use super::phase::Inputs;
use super::report::Transition;
use super::rules::Settings;
use super::side_counts::SideCounts;
use super::tally::{Fresh, Taken, Tally};
use super::ticket::After;
use super::waiters::Waiters;
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
