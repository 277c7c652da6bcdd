//! loom's atomic word, made to be looked at in every order that matters.
//!
//! loom tries an access before the last earlier one, of the same word, that it depends on. So if a thread loads a word
//! and then writes it, the write is compared with that thread's own load, and what others loaded before it is forgotten:
//! that the write may come before those loads is never tried. Here each thread marks its loads on a word of its own,
//! and a write touches the marks of the others.

use std::sync::atomic::Ordering::{self, Relaxed};

use loom::sync::atomic;

use crate::model::{MOST_THREADS, thread};

#[derive(Debug, Default)]
pub(crate) struct AtomicU64 {
    word: atomic::AtomicU64,
    /// Nobody reads them. All are relaxed, so that nothing is published by them.
    loads: [atomic::AtomicU64; MOST_THREADS],
}

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self { word: atomic::AtomicU64::new(value), loads: Default::default() }
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        let value = self.word.load(order);
        at_once(|| self.loads[thread()].load(Relaxed));
        value
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        self.write(|word| word.store(value, order));
    }

    pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        self.write(|word| word.fetch_add(value, order))
    }

    pub(crate) fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        self.write(|word| word.fetch_sub(value, order))
    }

    pub(crate) fn fetch_max(&self, value: u64, order: Ordering) -> u64 {
        self.write(|word| word.fetch_max(value, order))
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.write(|word| word.compare_exchange(current, new, success, failure))
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.compare_exchange(current, new, success, failure)
    }

    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        mut update: impl FnMut(u64) -> Option<u64>,
    ) -> Result<u64, u64> {
        let mut seen = self.load(fetch);
        while let Some(next) = update(seen) {
            match self.compare_exchange(seen, next, set, fetch) {
                Ok(before) => return Ok(before),
                Err(newer) => seen = newer,
            }
        }
        Err(seen)
    }

    /// Comes before what others loaded, or after it.
    fn write<R>(&self, act: impl FnOnce(&atomic::AtomicU64) -> R) -> R {
        let own = thread();
        let mut others =
            self.loads.iter().enumerate().filter(|(thread, _)| *thread != own).map(|(_, loads)| loads);
        // Only the first of them is a point where another thread may go on.
        others.next().map(|loads| loads.fetch_add(1, Relaxed));
        at_once(|| {
            others.for_each(|loads| _ = loads.fetch_add(1, Relaxed));
            act(&self.word)
        })
    }
}

/// Without a decision who goes on: what it touches was decided before.
fn at_once<R>(act: impl FnOnce() -> R) -> R {
    loom::stop_exploring();
    let out = act();
    loom::explore();
    out
}
