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
