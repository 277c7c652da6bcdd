//! The mode in force, for whoever asks without a lock.

use super::switch::{Ended, InForce, Switch};
use crate::mode::Mode;
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU64, Mutex, lock};
use crate::units::Instant;

/// A switch, and what it says.
///
/// `word` is the mode in force, with [`EXPIRES`] if it may change by itself, at `until` or before. Both are
/// written under the lock of the switch, the word first. Whoever sees a time that is over looks again under the lock.
/// Whoever acquires a later one, which another thread may just be writing because the former is over, finds the word
/// that goes with it: who waits and is told the old mode once more would wait for ever, as nobody wakes it for the end
/// of a mode. An older time does no harm: whoever waits is woken after a change by hand. So the word is relaxed.
#[derive(Debug)]
pub(super) struct Lever {
    word: AtomicU64,
    until: AtomicU64,
    switch: Mutex<Switch>,
}

const EXPIRES: u64 = 4;

impl Lever {
    pub(super) fn new(own: Mode) -> Self {
        let switch = Mutex::new(Switch { own, ..Switch::default() });
        let lever = Self { word: AtomicU64::new(0), until: AtomicU64::new(0), switch };
        lever.switched(|_| ());
        lever
    }

    /// The mode in force; none if that takes a [look at the time](Self::mode_at).
    #[inline]
    pub(super) fn mode(&self) -> Option<Mode> {
        let word = self.word.load(Relaxed);
        (word & EXPIRES == 0).then(|| mode_of(word))
    }

    /// The mode in force at this time, and what was over.
    pub(super) fn mode_at(&self, now: Instant) -> (Mode, Option<Ended>) {
        let is_over = now >= self.until();
        let ended = is_over.then(|| self.switched(|switch| switch.expire(now)));
        (mode_of(self.word.load(Relaxed)), ended)
    }

    /// The mode, however it is looked at, and when it may change by itself.
    pub(super) fn mode_until(&self, mode: impl FnOnce() -> Mode) -> (Mode, Instant) {
        // The end first. Who sees a later one, because another thread found this one over, sees the mode that goes with it;
        // the other way round it would go on waiting for what nobody tells.
        let until = self.until();
        (mode(), until)
    }

    fn until(&self) -> Instant {
        Instant::from_nanos(self.until.load(Acquire))
    }

    /// What the code or a handle asked for, whatever the mode in force.
    pub(super) fn own(&self) -> Mode {
        lock(&self.switch).own
    }

    pub(super) fn set_own(&self, own: Mode) {
        self.switched(|switch| switch.own = own);
    }

    pub(super) fn set_process(&self, process: Option<InForce>) {
        self.switched(|switch| switch.process = process);
    }

    /// The mode in force, and the override.
    pub(super) fn in_force(&self) -> (Mode, Option<InForce>) {
        let switch = lock(&self.switch);
        (switch.mode(), switch.overridden.clone())
    }

    /// Tells what was set before.
    pub(super) fn set_override(&self, what: Option<InForce>) -> Option<InForce> {
        self.switched(|switch| std::mem::replace(&mut switch.overridden, what))
    }

    fn switched<T>(&self, act: impl FnOnce(&mut Switch) -> T) -> T {
        let mut switch = lock(&self.switch);
        let result = act(&mut switch);
        self.tell(switch.mode(), switch.until());
        result
    }

    fn tell(&self, mode: Mode, until: Instant) {
        let expires = if until < Instant::NEVER { EXPIRES } else { 0 };
        self.word.store(mode as u64 | expires, Relaxed);
        self.until.store(until.as_nanos(), Release);
    }
}

fn mode_of(word: u64) -> Mode {
    match word & 3 {
        0 => Mode::Enforce,
        1 => Mode::DryRun,
        _ => Mode::Off,
    }
}
