use std::time::Duration;

use super::machine::Machine;
use super::phase::Phase;
use super::state::CircuitState;
use crate::sync::{AtomicU64, Ordering};
use crate::units::{Instant, nanos};

/// What most calls need to know, readable without the lock and written only under it.
///
/// `word` is `epoch << 32 | flags | tag`. It is written twice for each change, with [`MOVING`] first and what is new
/// last. The last one releases, and reading `word` acquires: so who sees a new word sees the settings that came with
/// it. `until` is released and acquired too: who reads a new one sees that the word was being changed. So whoever
/// reads the same word before and after it read `until` has read the one that belongs to it.
///
/// All else is relaxed. `bucket_until`, `longer_than` and `cancelled_after` stand for themselves: whoever reads an older
/// one settles its call by the bucket or the rule of a moment ago.
///
/// On a cache line of its own: what is counted beside it would take it away from all other threads.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Gate {
    word: AtomicU64,
    until: AtomicU64,
    bucket_until: AtomicU64,
    longer_than: AtomicU64,
    cancelled_after: AtomicU64,
}

/// The state, as one load shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;
const ISOLATED: u64 = 3;
const BYPASSED: u64 = 4;
/// Being changed: only the lock knows.
const MOVING: u64 = 7;
const TAG: u64 = 7;
/// Whether the slow-call rule is on, so that calls have to be timed from the beginning.
const TIMES_CALLS: u64 = 8;
/// Longer than anything takes.
pub(super) const OFF: u64 = u64::MAX;

/// What a [`Word`] says about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    Closed,
    /// Refused until the time that [`Gate::until`] tells.
    Shut,
    /// Let through until then, by hand.
    Bypassed,
    /// Ask under the lock.
    Ask,
}

impl Word {
    #[inline]
    pub(super) fn sight(self) -> Sight {
        match self.0 & TAG {
            CLOSED => Sight::Closed,
            OPEN | ISOLATED => Sight::Shut,
            BYPASSED => Sight::Bypassed,
            _ => Sight::Ask,
        }
    }

    pub(super) fn is_automatic(self) -> bool {
        self.0 & TAG == OPEN
    }

    /// `None` while it is being changed.
    pub(super) fn state(self) -> Option<CircuitState> {
        match self.0 & TAG {
            CLOSED | BYPASSED => Some(CircuitState::Closed),
            OPEN | ISOLATED => Some(CircuitState::Open),
            HALF_OPEN => Some(CircuitState::HalfOpen),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn epoch(self) -> u32 {
        (self.0 >> u32::BITS) as u32
    }

    #[inline]
    pub(super) fn times_calls(self) -> bool {
        self.0 & TIMES_CALLS != 0
    }

    fn of(machine: &Machine) -> Self {
        let tag = match machine.phase() {
            Phase::Closed => CLOSED,
            Phase::Open { .. } => OPEN,
            Phase::HalfOpen => HALF_OPEN,
            Phase::Isolated { .. } => ISOLATED,
            Phase::Bypassed { .. } => BYPASSED,
        };
        let times_calls = if machine.settings().slow.is_some() { TIMES_CALLS } else { 0 };
        Self(u64::from(machine.epoch()) << u32::BITS | times_calls | tag)
    }
}

impl Gate {
    pub(super) fn new(machine: &Machine) -> Self {
        let gate = Self {
            word: AtomicU64::new(Word::of(machine).0),
            until: AtomicU64::new(0),
            bucket_until: AtomicU64::new(0),
            longer_than: AtomicU64::new(OFF),
            cancelled_after: AtomicU64::new(OFF),
        };
        gate.publish_window(machine);
        gate.publish(machine);
        gate
    }

    #[inline]
    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// Until when this word says what it says. `None` if it is another one by now.
    pub(super) fn until(&self, word: Word) -> Option<Instant> {
        let until = Instant::from_nanos(self.until.load(Ordering::Acquire));
        (self.word() == word).then_some(until)
    }

    /// From when on a success has to be recorded under the lock, because it belongs to another bucket.
    #[inline]
    pub(super) fn bucket_until(&self) -> Instant {
        Instant::from_nanos(self.bucket_until.load(Ordering::Relaxed))
    }

    /// A call that took longer than so many nanoseconds is slow; [`OFF`] if that is not asked.
    #[inline]
    pub(super) fn longest(&self) -> u64 {
        self.longer_than.load(Ordering::Relaxed)
    }

    pub(super) fn cancelled_after(&self) -> Option<Duration> {
        on(self.cancelled_after.load(Ordering::Relaxed))
    }

    /// Only under the lock.
    pub(super) fn publish_window(&self, machine: &Machine) {
        self.bucket_until.store(machine.window_until().as_nanos(), Ordering::Relaxed);
    }

    /// Only under the lock.
    pub(super) fn publish(&self, machine: &Machine) {
        let word = Word::of(machine);
        self.word.store(word.0 | MOVING, Ordering::Relaxed);
        self.until.store(machine.phase().until().as_nanos(), Ordering::Release);
        let settings = machine.settings();
        let longer_than = settings.slow.map(|rule| rule.longer_than);
        self.longer_than.store(longer_than.map_or(OFF, nanos), Ordering::Relaxed);
        self.cancelled_after.store(settings.cancelled_after.map_or(OFF, nanos), Ordering::Relaxed);
        self.word.store(word.0, Ordering::Release);
    }
}

fn on(nanos: u64) -> Option<Duration> {
    (nanos != OFF).then_some(Duration::from_nanos(nanos))
}
