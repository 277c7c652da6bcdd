use std::collections::BTreeMap;
use std::task::Waker;

/// Tasks that wait until a call may proceed.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

impl Waiters {
    /// Registers a task, or its new waker; then it returns the old one.
    pub(super) fn insert(&mut self, id: &mut Option<u64>, waker: Waker) -> Option<Waker> {
        let id = *id.get_or_insert_with(|| {
            self.next = self.next.wrapping_add(1);
            self.next
        });
        self.wakers.insert(id, waker)
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Waker> {
        self.wakers.remove(&id)
    }

    /// All of them. Which of them make use of it is not known, and one that does not must not hold up the
    /// others; those that come too late wait again.
    pub(super) fn take(&mut self) -> BTreeMap<u64, Waker> {
        std::mem::take(&mut self.wakers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_a_place_of_its_own() {
        let mut waiters = Waiters::default();
        let (mut one, mut other) = (None, None);
        assert!(waiters.insert(&mut one, Waker::noop().clone()).is_none());
        assert!(waiters.insert(&mut other, Waker::noop().clone()).is_none());
        assert!(one.is_some() && other.is_some() && one != other);
        let known = one;
        assert!(waiters.insert(&mut one, Waker::noop().clone()).is_some(), "its old waker");
        assert_eq!(one, known);
        assert!(waiters.remove(one.unwrap()).is_some());
        assert!(waiters.remove(one.unwrap()).is_none());
        assert_eq!(waiters.take().into_keys().collect::<Vec<_>>(), [other.unwrap()]);
        assert!(waiters.take().is_empty());
    }
}
