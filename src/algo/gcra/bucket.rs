//! One limit that threads share: the concurrent shell.

use std::cell::Cell;
use std::num::NonZeroU32;

use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};

use super::decide::{Refusal, decide};
use super::{LATEST_STATE, Rate};
use crate::sync::{AtomicU64, Mutex, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, lock};
use crate::units::Instant;

/// A rate and a state that change together.
///
/// The state is one word, replaced by compare-and-swap; a decision is the word that won. The rate is read
/// with each decision and seldom changes, so it is a sequence lock: even versions are whole, and who meets
/// an odd one waits on the mutex for the writer.
///
/// What ties the two together is the version modulo four in the free bits of the word: a decision made by
/// an old rate cannot replace a state that was converted to a new one. (It could if the thread slept
/// through exactly four changes that ended at the very same nanosecond; one call would then be decided by
/// a quota that was in force when it began.)
#[derive(Debug)]
pub(crate) struct Bucket {
    word: AtomicU64,
    version: AtomicU64,
    interval: AtomicU64,
    burst: AtomicU64,
    /// Held by who changes the rate; holds the version, which is even whenever it is free.
    changing: Mutex<u64>,
}

const EPOCH_SHIFT: u32 = LATEST_STATE.count_ones();

/// The bits of the word that say which rate its state is in.
fn epoch(version: u64) -> u64 {
    (version >> 1) << EPOCH_SHIFT
}

impl Bucket {
    /// Nothing used.
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            word: AtomicU64::new(0),
            version: AtomicU64::new(0),
            interval: AtomicU64::new(rate.interval),
            burst: AtomicU64::new(rate.burst.into()),
            changing: Mutex::new(0),
        }
    }

    /// Takes the cells if they are free at `now`.
    pub(crate) fn admit(&self, now: Instant, cost: NonZeroU32) -> Result<(), Refusal> {
        loop {
            let (rate, epoch) = self.rate_in_force();
            let stale = Cell::new(false);
            let decision = decide(rate, Store { word: &self.word, epoch, stale: &stale }, now, cost);
            if !stale.get() {
                return decision;
            }
        }
    }

    /// The rate and the state under it.
    pub(crate) fn read(&self) -> (Rate, u64) {
        loop {
            let (rate, epoch) = self.rate_in_force();
            let word = self.word.load(Relaxed);
            if word & !LATEST_STATE == epoch {
                return (rate, word & LATEST_STATE);
            }
        }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate_in_force().0
    }

    /// Changes the rate; cells in use stay in use.
    pub(crate) fn set_rate(&self, to: Rate, now: Instant) {
        let mut changing = lock(&self.changing);
        let from = self.stored();
        let version = changing.wrapping_add(2);
        // Pairs with the acquire loads in `rate_in_force`: who has read one of the two stores below also
        // sees this one, and knows that what it read may not be whole.
        self.version.store(version.wrapping_sub(1), Relaxed);
        self.interval.store(to.interval, Release);
        self.burst.store(to.burst.into(), Release);
        let mut word = self.word.load(Relaxed);
        loop {
            let converted = from.convert(word & LATEST_STATE, now, to) | epoch(version);
            match self.word.compare_exchange_weak(word, converted, Relaxed, Relaxed) {
                Ok(_) => break,
                Err(newer) => word = newer,
            }
        }
        // Publishes the rate and the converted word to who loads this version.
        self.version.store(version, Release);
        *changing = version;
    }

    fn rate_in_force(&self) -> (Rate, u64) {
        // Acquire: pairs with the last store of `set_rate`, after which rate and word are new.
        let before = self.version.load(Acquire);
        let rate = self.stored();
        // Relaxed suffices: the loads in `stored` are acquires, so this one is not older than what they saw.
        if before % 2 == 0 && before == self.version.load(Relaxed) {
            return (rate, epoch(before));
        }
        let changing = lock(&self.changing);
        (self.stored(), epoch(*changing))
    }

    fn stored(&self) -> Rate {
        let interval = self.interval.load(Acquire);
        let burst = self.burst.load(Acquire);
        Rate { interval, burst: u32::try_from(burst).unwrap_or(u32::MAX) }
    }
}

/// The word as governor's store. All accesses are relaxed: the number is all there is, and nothing is
/// published through it.
struct Store<'a> {
    word: &'a AtomicU64,
    epoch: u64,
    /// The rate changed, and the decision must be made anew.
    stale: &'a Cell<bool>,
}

impl StateStore for Store<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut word = self.word.load(Relaxed);
        loop {
            let decision = decide(Some(Nanos::new(word & LATEST_STATE)));
            if word & !LATEST_STATE != self.epoch {
                self.stale.set(true);
                return decision.map(|(outcome, _)| outcome);
            }
            let (outcome, next) = decision?;
            match self.word.compare_exchange_weak(word, next.as_u64() | self.epoch, Relaxed, Relaxed) {
                Ok(_) => return Ok(outcome),
                Err(newer) => word = newer,
            }
        }
    }
}
