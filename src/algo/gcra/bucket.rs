//! One limit that threads share: the concurrent shell.

use std::num::NonZeroU32;

use super::decide::{Refusal, decide};
use super::{LATEST_STATE, Rate};
use crate::sync::{AtomicU64, Mutex, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, lock};
use crate::units::Instant;

/// A rate and a state that change together.
///
/// The state is one word, replaced by compare-and-swap; a decision is the word that won. The rate is read
/// with each decision and seldom changes, so rate and word are read under a sequence lock: what was read
/// while the version was even and the same is whole, and who meets an odd one waits on the mutex for the
/// writer.
///
/// What keeps a decision made by an old rate from replacing a state that was converted to a new one is the
/// version modulo four, in the free bits of the word. (It could if the thread slept through four changes,
/// or eight, that ended at the very same nanosecond of state; that call would then be decided by a quota
/// that was in force when it began.)
#[derive(Debug)]
pub(crate) struct Bucket {
    word: AtomicU64,
    version: AtomicU64,
    rate: Parts,
    /// Held by who changes the rate; the version is even whenever it is free.
    changing: Mutex<()>,
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
            rate: Parts::new(rate),
            changing: Mutex::new(()),
        }
    }

    /// Takes the cells if they are free at `now`.
    #[inline]
    pub(crate) fn admit(&self, now: Instant, cost: NonZeroU32) -> Result<(), Refusal> {
        loop {
            let (rate, word) = self.load();
            let next = decide(rate, word & LATEST_STATE, now, cost)?;
            if self.replace(word, next) {
                return Ok(());
            }
        }
    }

    /// Whether no other decision came first.
    #[inline]
    fn replace(&self, word: u64, next: u64) -> bool {
        // Relaxed: the number is all there is, and nothing is published through it. What it was computed
        // from is still true if the word is still the same.
        let next = next | word & !LATEST_STATE;
        self.word.compare_exchange_weak(word, next, Relaxed, Relaxed).is_ok()
    }

    /// The rate and the state under it.
    pub(crate) fn read(&self) -> (Rate, u64) {
        let (rate, word) = self.load();
        (rate, word & LATEST_STATE)
    }

    /// Changes the rate; cells in use stay in use.
    pub(crate) fn set_rate(&self, to: Rate, now: Instant) {
        let _alone = lock(&self.changing);
        let from = self.rate.load();
        let version = self.version.load(Relaxed).wrapping_add(2);
        // Pairs with the acquire loads in `load`: who has read one of the stores below also sees this one,
        // and knows that what it read may not be whole.
        self.version.store(version.wrapping_sub(1), Relaxed);
        self.rate.store(to);
        let mut word = self.word.load(Relaxed);
        loop {
            let converted = from.convert(word & LATEST_STATE, now, to) | epoch(version);
            match self.word.compare_exchange_weak(word, converted, Release, Relaxed) {
                Ok(_) => break,
                Err(newer) => word = newer,
            }
        }
        // Publishes the rate and the converted word to who loads this version.
        self.version.store(version, Release);
    }

    /// The rate, and the word while it was in force.
    #[inline]
    fn load(&self) -> (Rate, u64) {
        // Acquire: pairs with the last store of `set_rate`, after which rate and word are new.
        let before = self.version.load(Acquire);
        let rate = self.rate.load();
        // Acquire: pairs with the exchange in `set_rate`, whose version the next load then sees begun.
        let word = self.word.load(Acquire);
        // Relaxed suffices: the loads above are acquires, so this one is not older than what they saw.
        if before.is_multiple_of(2) && before == self.version.load(Relaxed) {
            return (rate, word);
        }
        self.load_alone()
    }

    #[cold]
    fn load_alone(&self) -> (Rate, u64) {
        let _alone = lock(&self.changing);
        (self.rate.load(), self.word.load(Relaxed))
    }
}

/// A rate in two words. Its interval is one of them, seconds above nanoseconds, so that it never reads as zero.
#[derive(Debug)]
struct Parts {
    interval: AtomicU64,
    burst: AtomicU64,
}

impl Parts {
    fn new(rate: Rate) -> Self {
        let [interval, burst] = rate.into_words().map(AtomicU64::new);
        Self { interval, burst }
    }

    fn store(&self, rate: Rate) {
        let [interval, burst] = rate.into_words();
        self.interval.store(interval, Release);
        self.burst.store(burst, Release);
    }

    #[inline]
    fn load(&self) -> Rate {
        Rate::from_words([&self.interval, &self.burst].map(|part| part.load(Acquire)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_by_an_old_rate_is_lost_also_if_the_state_is_the_same() {
        let now = Instant::from_nanos(1_000_000);
        let rates = [(1, 1), (2, 3), (3, 5)].map(|(interval, burst)| Rate::new(interval, burst).unwrap());
        let bucket = Bucket::new(rates[0]);
        let (old, word) = bucket.load();
        for changes in 1..4 {
            // Nothing is in use, so there is nothing to convert.
            bucket.set_rate(rates[changes % 3], now);
            let next = decide(old, word & LATEST_STATE, now, NonZeroU32::MIN).unwrap();
            assert!(!bucket.replace(word, next), "after {changes} changes");
            assert_eq!(bucket.read(), (rates[changes % 3], 0), "and took nothing");
        }
    }
}
