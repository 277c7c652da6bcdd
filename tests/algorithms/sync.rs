//! The library's own, but that a weak exchange fails now and then, as it may on any processor: so every loop around one
//! goes round, also where no other thread comes between.

#[path = "shipped_sync.rs"]
mod shipped;

use std::cell::Cell;
use std::sync::atomic;

pub(crate) use shipped::*;

#[derive(Debug, Default)]
pub(crate) struct AtomicU64(atomic::AtomicU64);

/// Every third one of a thread.
fn fails() -> bool {
    thread_local!(static COUNT: Cell<u8> = const { Cell::new(0) });
    COUNT.try_with(|count| count.replace((count.get() + 1) % 3) == 2).unwrap_or(false)
}

impl AtomicU64 {
    pub(crate) const fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    pub(crate) fn into_inner(self) -> u64 {
        self.0.into_inner()
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        if fails() { Err(self.0.load(failure)) } else { self.0.compare_exchange_weak(current, new, success, failure) }
    }
}

/// All else is what it was.
impl std::ops::Deref for AtomicU64 {
    type Target = atomic::AtomicU64;

    fn deref(&self) -> &atomic::AtomicU64 {
        &self.0
    }
}
