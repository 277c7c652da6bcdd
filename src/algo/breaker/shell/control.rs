//! What is done by hand, and at run time.

use super::Shell;
use crate::algo::breaker::machine::{Machine, Spares};
use crate::algo::breaker::phase::Inputs;
use crate::algo::breaker::report::Transition;
use crate::algo::breaker::rules::Settings;
use crate::algo::breaker::ticket::After;
use crate::rng::Rng;
use crate::sync::lock;
use crate::units::Instant;

impl Shell {
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
}
