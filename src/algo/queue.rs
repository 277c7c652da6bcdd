//! A first-in-first-out queue whose members know their place and may leave it at any time.

/// A queue of values, each held by somebody who waits.
///
/// A list threaded through a vector: joining, leaving from the middle and calling the first take constant
/// time, and nothing is allocated once the queue has been as long as it gets. Whoever is called keeps the
/// place until leaving it, and so finds out.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    slots: Vec<Slot<T>>,
    free: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
}

#[derive(Debug)]
enum Slot<T> {
    Free { next: Option<usize> },
    Waiting { value: T, before: Option<usize>, after: Option<usize> },
    Called,
}

/// A place in a queue. There is one owner, who leaves it once.
#[derive(Debug)]
pub(crate) struct Place(usize);

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { slots: Vec::new(), free: None, first: None, last: None }
    }

    /// Joins at the end.
    pub(crate) fn join(&mut self, value: T) -> Place {
        let slot = Slot::Waiting { value, before: self.last, after: None };
        let index = match self.free {
            Some(index) => {
                if let Slot::Free { next } = self.slots[index] {
                    self.free = next;
                }
                self.slots[index] = slot;
                index
            }
            None => {
                let index = self.slots.len();
                self.slots.push(slot);
                index
            }
        };
        self.link(self.last, Some(index));
        self.last = Some(index);
        Place(index)
    }

    /// Calls who has waited longest, and returns the value.
    pub(crate) fn call_first(&mut self) -> Option<T> {
        let index = self.first?;
        self.unlink(index, Slot::Called)
    }

    /// The value of one who still waits; none for one who was called.
    pub(crate) fn get_mut(&mut self, place: &Place) -> Option<&mut T> {
        match &mut self.slots[place.0] {
            Slot::Waiting { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Leaves, and returns the value; none for one who was called.
    pub(crate) fn leave(&mut self, place: Place) -> Option<T> {
        let value = self.unlink(place.0, Slot::Free { next: self.free });
        self.free = Some(place.0);
        value
    }

    /// The values of all who wait, in no order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| match slot {
            Slot::Waiting { value, .. } => Some(value),
            _ => None,
        })
    }

    fn unlink(&mut self, index: usize, leaves: Slot<T>) -> Option<T> {
        match std::mem::replace(&mut self.slots[index], leaves) {
            Slot::Waiting { value, before, after } => {
                self.link(before, after);
                Some(value)
            }
            _ => None,
        }
    }

    /// Makes two neighbours of each other; the end of the queue where there is none.
    fn link(&mut self, left: Option<usize>, right: Option<usize>) {
        match left.map(|index| &mut self.slots[index]) {
            Some(Slot::Waiting { after, .. }) => *after = right,
            _ => self.first = right,
        }
        match right.map(|index| &mut self.slots[index]) {
            Some(Slot::Waiting { before, .. }) => *before = left,
            _ => self.last = left,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_queue_calls_nobody() {
        assert_eq!(Queue::<u8>::new().call_first(), None);
    }

    #[test]
    fn who_was_called_finds_out_and_others_keep_their_place() {
        let mut queue = Queue::new();
        let [a, b, c] = [1, 2, 3].map(|value| queue.join(value));
        assert_eq!(queue.call_first(), Some(1));
        assert_eq!(queue.get_mut(&a), None);
        assert_eq!(queue.get_mut(&b), Some(&mut 2));
        assert_eq!(queue.leave(a), None);
        assert_eq!(queue.leave(b), Some(2));
        assert_eq!(queue.iter_mut().count(), 1);
        assert_eq!(queue.call_first(), Some(3));
        assert_eq!(queue.leave(c), None);
        assert_eq!(queue.call_first(), None);
    }

    #[test]
    fn slots_are_used_again() {
        let mut queue = Queue::new();
        for round in 0..1_000 {
            let place = queue.join(round);
            let other = queue.join(round);
            queue.call_first();
            queue.leave(other);
            queue.leave(place);
        }
        assert_eq!(queue.slots.len(), 2);
    }

    proptest! {
        #[test]
        fn every_history_agrees_with_a_plain_queue(
            steps in prop::collection::vec((0..4_u8, any::<prop::sample::Index>()), 1..200),
        ) {
            let mut queue = Queue::new();
            let mut plain = VecDeque::new();
            let mut places = Vec::new();
            for (number, (step, index)) in steps.into_iter().enumerate() {
                match step {
                    0 | 1 => {
                        places.push((number, queue.join(number)));
                        plain.push_back(number);
                    }
                    2 => prop_assert_eq!(queue.call_first(), plain.pop_front()),
                    _ if !places.is_empty() => {
                        let (number, place) = places.swap_remove(index.index(places.len()));
                        let waits = plain.iter().position(|&other| other == number);
                        prop_assert_eq!(queue.leave(place), waits.map(|at| plain.remove(at).unwrap()));
                    }
                    _ => {}
                }
                prop_assert_eq!(queue.iter_mut().count(), plain.len());
            }
        }
    }
}
