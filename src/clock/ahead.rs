//! How far one clock was seen to be ahead of another.

use crate::sync::{AtomicU64, Ordering::Relaxed};

/// Nanoseconds, which only grow. They publish nothing else, hence relaxed.
#[derive(Debug, Default)]
pub(super) struct Ahead(AtomicU64);

impl Ahead {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn note(&self, nanos: u64) {
        const WORTH_A_WRITE: u64 = 1_000_000_000;
        if nanos > self.get().saturating_add(WORTH_A_WRITE) {
            // Another thread may have seen it further ahead meanwhile.
            self.0.fetch_max(nanos, Relaxed);
        }
    }
}
