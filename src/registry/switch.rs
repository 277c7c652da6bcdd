//! Which mode is in force, of all that may be set. Plain data: `now` comes in.

use std::time::Duration;

use crate::mode::Mode;
use crate::registry::Override;
use crate::units::Instant;

/// What is set for one engine.
#[derive(Debug, Default)]
pub(super) struct Switch {
    /// By the code that made the engine.
    pub(super) own: Mode,
    /// For the whole process.
    pub(super) process: Option<InForce>,
    /// For this engine by hand; it counts for more than the other two.
    pub(super) overridden: Option<InForce>,
}

/// An override, and when it ends by itself.
#[derive(Clone, Debug)]
pub(super) struct InForce {
    pub(super) what: Override,
    pub(super) until: Instant,
}

/// What was over.
pub(super) struct Ended {
    pub(super) own: Option<Override>,
    pub(super) process: bool,
}

impl InForce {
    pub(super) fn since(now: Instant, what: Override) -> Self {
        let until = what.time_to_live.map_or(Instant::NEVER, |time| now.saturating_add(time));
        Self { what: what.presentable(), until }
    }

    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        (self.until < Instant::NEVER).then(|| self.until.saturating_since(now))
    }
}

impl Switch {
    pub(super) fn mode(&self) -> Mode {
        match (&self.overridden, &self.process) {
            (Some(InForce { what, .. }), _) => what.mode,
            (None, Some(InForce { what, .. })) => what.mode.max(self.own),
            (None, None) => self.own,
        }
    }

    /// When the mode may change by itself.
    pub(super) fn until(&self) -> Instant {
        let ends = |set: &Option<InForce>| set.as_ref().map_or(Instant::NEVER, |set| set.until);
        ends(&self.process).min(ends(&self.overridden))
    }

    /// Lets go of what is over.
    pub(super) fn expire(&mut self, now: Instant) -> Ended {
        Ended { process: over(&mut self.process, now).is_some(), own: over(&mut self.overridden, now) }
    }
}

/// Takes out what is over.
pub(super) fn over(set: &mut Option<InForce>, now: Instant) -> Option<Override> {
    set.take_if(|set| set.until <= now).map(|set| set.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(mode: Mode, until: u64) -> Option<InForce> {
        Some(InForce { what: Override::new(mode), until: Instant::from_nanos(until) })
    }

    #[test]
    fn an_override_counts_for_more_and_otherwise_the_laxer_one() {
        for own in Mode::ALL {
            for process in Mode::ALL {
                let switch = Switch { own, process: set(process, 9), overridden: None };
                assert_eq!(switch.mode(), own.max(process));
                for by_hand in Mode::ALL {
                    let switch = Switch { own, process: set(process, 9), overridden: set(by_hand, 9) };
                    assert_eq!(switch.mode(), by_hand);
                }
            }
        }
    }

    #[test]
    fn each_ends_in_its_own_time() {
        let mut switch =
            Switch { own: Mode::Enforce, process: set(Mode::DryRun, 20), overridden: set(Mode::Off, 10) };
        assert_eq!((switch.mode(), switch.until()), (Mode::Off, Instant::from_nanos(10)));
        assert!(switch.expire(Instant::from_nanos(9)).own.is_none());
        assert_eq!(switch.expire(Instant::from_nanos(10)).own.unwrap().mode, Mode::Off);
        assert_eq!((switch.mode(), switch.until()), (Mode::DryRun, Instant::from_nanos(20)));
        assert!(switch.expire(Instant::from_nanos(20)).process);
        assert_eq!((switch.mode(), switch.until()), (Mode::Enforce, Instant::NEVER));
    }
}
