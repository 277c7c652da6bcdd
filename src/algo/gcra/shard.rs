//! A part of the table of keys, as one lock guards it.

use std::cmp::Reverse;
use std::collections::binary_heap::{BinaryHeap, PeekMut};
use std::num::NonZeroU32;

use super::Rate;
use super::decide::{Refusal, decide};
use super::states::States;
use crate::units::Instant;

/// Keys, each with a state, and the order in which they fill up again.
///
/// The order is lazy: a key has one record in it, with a state that it had once. States only grow, so the
/// record is never later than the key, and the earliest record bounds all keys. A record that turns out to
/// be old is put back in its right place; that happens at most once per admission.
#[derive(Debug)]
pub(super) struct Shard {
    rate: Rate,
    states: States,
    order: BinaryHeap<Reverse<(u64, u64)>>,
    /// Calls admitted here: counted under the lock, at no cost of its own.
    pub(super) admitted: u64,
}

impl Shard {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, states: States::default(), order: BinaryHeap::new(), admitted: 0 }
    }

    /// Takes the cells if they are free; none if the key is not here.
    #[inline]
    pub(super) fn admit(&mut self, key: u64, now: Instant, cost: NonZeroU32) -> Option<Result<(), Refusal>> {
        let state = self.states.get_mut(key)?;
        let decision = admit_one(self.rate, state, now, cost);
        self.admitted = self.admitted.saturating_add(u64::from(decision.is_ok()));
        Some(decision)
    }

    /// A key that was not here, with its first call.
    pub(super) fn insert(&mut self, key: u64, now: Instant, cost: NonZeroU32) -> Result<(), Refusal> {
        let mut state = 0;
        admit_one(self.rate, &mut state, now, cost)?;
        self.states.insert(key, state);
        self.order.push(Reverse((state, key)));
        self.admitted = self.admitted.saturating_add(1);
        Ok(())
    }

    /// Drops one key that is as good as unused, if there is one.
    pub(super) fn evict(&mut self, now: Instant) -> bool {
        while let Some(mut earliest) = self.order.peek_mut() {
            let Reverse((recorded, key)) = *earliest;
            if recorded > now.as_nanos() {
                return false;
            }
            let actual = self.states.get(key).unwrap_or(recorded);
            if actual <= now.as_nanos() {
                PeekMut::pop(earliest);
                return self.states.remove(key);
            }
            *earliest = Reverse((actual, key));
        }
        false
    }

    /// Puts the beginning of the order right, so that [`earliest`](Self::earliest) is exact.
    pub(super) fn put_right(&mut self) {
        while let Some(mut earliest) = self.order.peek_mut() {
            let Reverse((recorded, key)) = *earliest;
            let actual = self.states.get(key).unwrap_or(recorded);
            if actual == recorded {
                return;
            }
            *earliest = Reverse((actual, key));
        }
    }

    /// No key here fills up before.
    pub(super) fn earliest(&self) -> Instant {
        self.order.peek().map_or(Instant::NEVER, |Reverse((recorded, _))| Instant::from_nanos(*recorded))
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    pub(super) fn get(&self, key: u64) -> Option<u64> {
        self.states.get(key)
    }

    /// Changes the rate; cells in use stay in use.
    pub(super) fn set_rate(&mut self, to: Rate, now: Instant) {
        let from = self.rate;
        self.rate = to;
        self.states.values_mut().for_each(|state| *state = from.convert(*state, now, to));
        // The conversion keeps the order, so records stay no later than their keys.
        let mut records = std::mem::take(&mut self.order).into_vec();
        records.iter_mut().for_each(|Reverse((state, _))| *state = from.convert(*state, now, to));
        self.order = records.into();
    }
}

/// Takes the cells from a state that only we look at.
#[inline]
pub(super) fn admit_one(rate: Rate, state: &mut u64, now: Instant, cost: NonZeroU32) -> Result<(), Refusal> {
    *state = decide(rate, *state, now, cost)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_when_it_is_as_good_as_unused() {
        let at = Instant::from_nanos;
        let mut shard = Shard::new(Rate::new(100, 3).unwrap());
        assert!(!shard.evict(Instant::NEVER), "there is none");
        assert_eq!(shard.earliest(), Instant::NEVER);
        shard.insert(1, at(1_000), NonZeroU32::MIN).unwrap();
        shard.insert(2, at(1_010), NonZeroU32::MIN).unwrap();
        assert_eq!((shard.earliest(), shard.admitted), (at(1_100), 2));
        // Used again: its record is old, and goes behind the other's.
        assert_eq!(shard.admit(1, at(1_000), NonZeroU32::MIN), Some(Ok(())));
        assert_eq!(shard.admit(3, at(1_000), NonZeroU32::MIN), None);
        assert!(!shard.evict(at(1_099)));
        assert_eq!(shard.earliest(), at(1_100));
        assert!(!shard.evict(at(1_109)));
        assert_eq!(shard.earliest(), at(1_110), "the other's");
        assert!(shard.evict(at(1_110)) && shard.get(2).is_none());
        assert!(!shard.evict(at(1_199)) && shard.get(1).is_some());
        assert!(shard.evict(at(1_200)) && !shard.evict(at(1_200)));
        assert_eq!(shard.admitted, 3);
    }
}
