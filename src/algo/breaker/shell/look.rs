//! What is seen from outside.

use super::{Locked, Shell};
use crate::algo::breaker::outbox::Queued;
use crate::algo::breaker::report::{MachineView, Totals};
use crate::algo::breaker::state::CircuitState;
use crate::sync::lock;
use crate::units::Instant;

impl Shell {
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

    /// Whether it matters from the beginning how long a call takes.
    pub(crate) fn times_calls(&self) -> bool {
        self.gate.word().times_calls()
    }
}
