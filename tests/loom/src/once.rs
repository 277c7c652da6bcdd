//! A cell that is written once, as std's, but with loom's word beside it: the checker sees whether a thread has to find
//! what another one wrote.

use std::sync::OnceLock as Cell;
use std::sync::atomic::Ordering::{Acquire, Release};

use loom::sync::atomic::AtomicU64;

#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    is_set: AtomicU64,
    value: Cell<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { is_set: AtomicU64::new(0), value: Cell::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        (self.is_set.load(Acquire) != 0).then(|| self.value.get()).flatten()
    }

    /// No model has two threads that set the same cell at once.
    pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
        let value = self.value.get_or_init(init);
        self.is_set.store(1, Release);
        value
    }
}
