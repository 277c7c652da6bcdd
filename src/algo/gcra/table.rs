//! Limits by key that threads share: the concurrent shell over the shards.

use std::fmt;
use std::num::NonZeroU32;

use super::Rate;
use super::decide::Refusal;
use super::shard::{Shard, admit_one};
use crate::algo::keyed::Overflow;
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering::Relaxed, lock};
use crate::units::Instant;

/// A bounded table of limits, by a 64-bit hash of their keys.
///
/// A call on a known key takes one shard's lock. Two locks are never held at once, except that the rate is
/// changed under a lock of its own, shard after shard.
///
/// The atomics are numbers that stand alone, so all accesses are relaxed: `len` is reserved before an
/// insertion and given back after an eviction, so that it is never below the number of keys; `earliest`
/// is a hint, written under the shard's lock, that spares a new key from locking shards in vain.
pub(crate) struct Table {
    shards: Box<[Mutex<Shard>]>,
    earliest: Box<[AtomicU64]>,
    len: AtomicU64,
    shared: Mutex<Shared>,
    changing: Mutex<()>,
}

/// The one limit of the keys that found no place.
#[derive(Debug)]
struct Shared {
    rate: Rate,
    state: u64,
    admitted: u64,
}

const SHARDS: usize = 64;

impl Table {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(rate))).collect(),
            earliest: (0..SHARDS).map(|_| AtomicU64::new(u64::MAX)).collect(),
            len: AtomicU64::new(0),
            shared: Mutex::new(Shared { rate, state: 0, admitted: 0 }),
            changing: Mutex::new(()),
        }
    }

    /// Takes cells of this key if they are free at `now`. True if the key found no place of its own.
    #[inline]
    pub(crate) fn admit(
        &self,
        key: u64,
        now: Instant,
        cost: NonZeroU32,
        max_keys: u64,
        overflow: Overflow,
    ) -> (Result<(), Refusal>, bool) {
        // Bound before the rest begins, so that the lock is free by then.
        let known = self.shard(key).admit(key, now, cost);
        match known {
            Some(decision) => (decision, false),
            None => self.admit_unknown(key, now, cost, max_keys, overflow),
        }
    }

    #[cold]
    fn admit_unknown(
        &self,
        key: u64,
        now: Instant,
        cost: NonZeroU32,
        max_keys: u64,
        overflow: Overflow,
    ) -> (Result<(), Refusal>, bool) {
        match self.admit_new(key, now, cost, max_keys) {
            Some(decision) => (decision, false),
            None => (self.overflow(now, cost, overflow), true),
        }
    }

    /// None if there is no place.
    fn admit_new(
        &self,
        key: u64,
        now: Instant,
        cost: NonZeroU32,
        max_keys: u64,
    ) -> Option<Result<(), Refusal>> {
        /// Keys that are dropped for each that comes to a table half full: more than one, so that it shrinks
        /// again after a rush, and few, so that nobody waits for it. Below that a key that comes back
        /// finds its old place, which is cheaper than a new one.
        const EVICTIONS: usize = 2;
        let index = index(key);
        if self.len() > max_keys / 2 {
            for _ in 0..EVICTIONS {
                self.evict(index, now);
            }
        }
        loop {
            let mut shard = self.shard(key);
            // Another thread may have brought the key meanwhile.
            if let Some(decision) = shard.admit(key, now, cost) {
                return Some(decision);
            }
            if self.reserve(max_keys) {
                let decision = shard.insert(key, now, cost);
                if decision.is_err() {
                    self.len.fetch_sub(1, Relaxed);
                }
                self.note(index, &shard);
                return Some(decision);
            }
            drop(shard);
            if !(0..SHARDS).any(|index| self.evict(index, now)) {
                return None;
            }
        }
    }

    fn overflow(&self, now: Instant, cost: NonZeroU32, overflow: Overflow) -> Result<(), Refusal> {
        let mut shared = lock(&self.shared);
        if cost.get() > shared.rate.burst() {
            return Err(Refusal::AboveBurst);
        }
        match overflow {
            Overflow::Reject => Err(Refusal::Until(self.next_place())),
            Overflow::Share => {
                let rate = shared.rate;
                admit_one(rate, &mut shared.state, now, cost)?;
                shared.admitted = shared.admitted.saturating_add(1);
                Ok(())
            }
        }
    }

    /// The rate and the state that a call with this key would meet. None if it would find no place, and
    /// is not to share one.
    pub(crate) fn read(
        &self,
        key: u64,
        now: Instant,
        max_keys: u64,
        overflow: Overflow,
    ) -> Option<(Rate, u64)> {
        let (rate, state) = {
            let shard = self.shard(key);
            (shard.rate(), shard.get(key))
        };
        if let Some(state) = state {
            return Some((rate, state));
        }
        if self.makes_room(now, max_keys) {
            return Some((rate, 0));
        }
        let shared = lock(&self.shared);
        (overflow == Overflow::Share).then_some((shared.rate, shared.state))
    }

    /// Whether there is a place for a new key, once those that are as good as unused are gone. It may take more than one
    /// of them: the table holds more than it may when that was lowered.
    fn makes_room(&self, now: Instant, max_keys: u64) -> bool {
        while self.len() >= max_keys {
            if !(0..SHARDS).any(|index| self.evict(index, now)) {
                return false;
            }
        }
        true
    }

    /// When the first key is as good as unused, and gives way to a new one. None is before that.
    pub(crate) fn next_place(&self) -> Instant {
        loop {
            let hints = self.earliest.iter().map(|earliest| earliest.load(Relaxed));
            let Some((hint, index)) = hints.zip(0..).min() else { return Instant::NEVER };
            let mut shard = lock(&self.shards[index]);
            // The key that it is about may have been used since. Each use is put right once.
            shard.put_right();
            self.note(index, &shard);
            let earliest = shard.earliest();
            if earliest.as_nanos() <= hint {
                return earliest;
            }
        }
    }

    /// Drops every key that is as good as unused, shard after shard; tells how many.
    pub(crate) fn sweep(&self, now: Instant) -> u64 {
        let mut gone = 0_u64;
        for index in 0..SHARDS {
            while self.evict(index, now) {
                gone = gone.saturating_add(1);
            }
        }
        gone
    }

    /// Changes the rate; cells in use stay in use, for every key as of now.
    pub(crate) fn set_rate(&self, to: Rate, now: Instant) {
        let _alone = lock(&self.changing);
        for (index, shard) in self.shards.iter().enumerate() {
            let mut shard = lock(shard);
            shard.set_rate(to, now);
            self.note(index, &shard);
        }
        let mut shared = lock(&self.shared);
        shared.state = shared.rate.convert(shared.state, now, to);
        shared.rate = to;
    }

    pub(crate) fn rate(&self) -> Rate {
        lock(&self.shared).rate
    }

    pub(crate) fn len(&self) -> u64 {
        self.len.load(Relaxed)
    }

    /// Calls that were admitted with a key, by a limit of their own or by the shared one.
    pub(crate) fn admitted(&self) -> u64 {
        let shared = lock(&self.shared).admitted;
        self.shards.iter().map(|shard| lock(shard).admitted).fold(shared, u64::saturating_add)
    }

    #[inline]
    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        lock(&self.shards[index(key)])
    }

    fn note(&self, index: usize, shard: &Shard) {
        self.earliest[index].store(shard.earliest().as_nanos(), Relaxed);
    }

    fn reserve(&self, max_keys: u64) -> bool {
        let one_more = |len: u64| (len < max_keys).then(|| len.saturating_add(1));
        self.len.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }

    fn evict(&self, index: usize, now: Instant) -> bool {
        if self.earliest[index].load(Relaxed) > now.as_nanos() {
            return false;
        }
        let mut shard = lock(&self.shards[index]);
        let evicted = shard.evict(now);
        if evicted {
            self.len.fetch_sub(1, Relaxed);
        }
        self.note(index, &shard);
        evicted
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// By bits that the shard has no use for: it goes by the lowest.
#[inline]
fn index(key: u64) -> usize {
    (key >> 32) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_another_thread_brought_meanwhile_is_not_brought_twice() {
        let table = Table::new(Rate::new(1_000, 2).unwrap());
        let now = Instant::from_nanos(1_000_000);
        let admit = || table.admit_new(7, now, NonZeroU32::MIN, 9);
        assert_eq!((admit(), admit()), (Some(Ok(())), Some(Ok(()))));
        assert!(matches!(admit(), Some(Err(Refusal::Until(_)))));
        assert_eq!((table.len(), table.admitted()), (1, 2));
    }
}
