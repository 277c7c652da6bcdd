use crate::sync::{AtomicU64, Ordering};

/// A count since the beginning, which stays at its maximum.
///
/// Counting releases and reading acquires: whoever reads that a call was settled also reads, if it looks there
/// afterwards, that it was admitted.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        if self.0.fetch_add(1, Ordering::Release) == u64::MAX {
            self.0.store(u64::MAX, Ordering::Release);
        }
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(super) fn preset(&self, count: u64) {
        self.0.store(count, Ordering::Release);
    }
}

/// Counts of what is neither a success nor a failure.
#[derive(Debug, Default)]
pub(super) struct SideCounts {
    pub(super) refused: Counter,
    pub(super) not_ready: Counter,
    pub(super) would_reject: Counter,
    /// Calls that succeeded and decided nothing.
    pub(super) passed_well: Counter,
    /// Calls that failed and decided nothing.
    pub(super) passed_badly: Counter,
    pub(super) throttled: Counter,
    pub(super) ignored: Counter,
    pub(super) cancelled: Counter,
    /// Calls that were dropped too late for that, and failed.
    pub(super) given_up: Counter,
    pub(super) panicked: Counter,
    pub(super) late: Counter,
}
