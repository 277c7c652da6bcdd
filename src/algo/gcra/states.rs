//! The states of a shard's keys.

/// A hash table whose keys are keyed hashes already.
///
/// With millions of keys a call costs what it waits for memory. Here a state stands beside its key, and a key in the
/// first free slot from the one that its lowest bits name: one look-up, one cache line. (Tables that keep tags apart
/// take two, and are made for keys that are dearer to compare.) A slot is free if its state is zero, which is that of
/// no key here: see [the module](super).
#[derive(Debug, Default)]
pub(super) struct States {
    /// None or a power of two, and a quarter of them free at least, so that every search ends.
    slots: Box<[Slot]>,
    len: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    state: u64,
}

impl States {
    #[inline]
    pub(super) fn get(&self, key: u64) -> Option<u64> {
        let slot = self.slots.get(self.find(key))?;
        (slot.state > 0).then_some(slot.state)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut u64> {
        let slot = self.slots.get_mut(self.find(key))?;
        (slot.state > 0).then_some(&mut slot.state)
    }

    /// A key that was not here, with a state above zero.
    pub(super) fn insert(&mut self, key: u64, state: u64) {
        debug_assert!(
            state > 0 && self.get(key).is_none(),
            "{key} is here already, or has no state: {state}"
        );
        if self.len >= self.slots.len().saturating_sub(self.slots.len() / 4) {
            self.grow();
        }
        self.put(Slot { key, state });
        self.len = self.len.saturating_add(1);
    }

    /// Whether it was here.
    pub(super) fn remove(&mut self, key: u64) -> bool {
        let mut hole = self.find(key);
        if self.slots.get(hole).is_none_or(|slot| slot.state == 0) {
            return false;
        }
        // Whatever stands behind it, up to the next free slot, moves up if its search would end at the hole.
        let mut index = self.after(hole);
        while self.slots[index].state > 0 {
            let slot = self.slots[index];
            if self.distance(self.home(slot.key), index) >= self.distance(hole, index) {
                self.slots[hole] = slot;
                hole = index;
            }
            index = self.after(index);
        }
        self.slots[hole] = Slot::default();
        self.len = self.len.saturating_sub(1);
        true
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        self.slots.iter_mut().map(|slot| &mut slot.state).filter(|state| **state > 0)
    }

    fn put(&mut self, slot: Slot) {
        let index = self.find(slot.key);
        self.slots[index] = slot;
    }

    fn grow(&mut self) {
        /// A cache line of them.
        const FEWEST: usize = 4;
        let slots = self.slots.len().saturating_mul(2).max(FEWEST);
        let former = std::mem::replace(&mut self.slots, vec![Slot::default(); slots].into());
        former.into_iter().filter(|slot| slot.state > 0).for_each(|slot| self.put(slot));
    }

    /// Where the key is, or else the free slot where it would be; out of bounds if there are no slots.
    #[inline]
    fn find(&self, key: u64) -> usize {
        let mut index = self.home(key);
        while self.slots.get(index).is_some_and(|slot| slot.state > 0 && slot.key != key) {
            index = self.after(index);
        }
        index
    }

    /// Where a search begins.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "its lowest bits are what counts")]
    fn home(&self, key: u64) -> usize {
        key as usize & self.mask()
    }

    #[inline]
    fn after(&self, index: usize) -> usize {
        index.wrapping_add(1) & self.mask()
    }

    /// How many slots a search that begins at the one passes until the other.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.mask()
    }

    #[inline]
    fn mask(&self) -> usize {
        self.slots.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Keys that begin at either end of the table, several of each.
    fn keys() -> impl Iterator<Item = u64> {
        (0..48).map(|number| (number % 12_u64).wrapping_sub(6) & 0xffff_ffff | (number / 12) << 40)
    }

    /// Else a search would take as long as the table is.
    #[test]
    fn a_key_stands_where_its_lowest_bits_say() {
        let mut states = States::default();
        for (key, place) in [(2, 2), (1 << 40 | 1, 1), (0, 0)] {
            states.insert(key, 7);
            assert_eq!(states.slots[place].key, key);
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_would(
            steps in proptest::collection::vec((0..4_u64, 0..48_usize, 1..u64::MAX), 0..300),
        ) {
            let (mut states, mut map) = (States::default(), HashMap::new());
            for (what, number, state) in steps {
                let key = keys().nth(number).unwrap();
                if what == 0 {
                    prop_assert_eq!(states.remove(key), map.remove(&key).is_some());
                } else if let Some(known) = states.get_mut(key) {
                    *known = state;
                    prop_assert!(map.insert(key, state).is_some());
                } else {
                    states.insert(key, state);
                    prop_assert!(map.insert(key, state).is_none());
                }
                for key in keys() {
                    prop_assert_eq!(states.get(key), map.get(&key).copied());
                }
                prop_assert_eq!(states.values_mut().count(), map.len());
                prop_assert!(map.len() <= states.slots.len() / 4 * 3);
            }
        }
    }
}
