use crate::sync::{AtomicU64, Ordering};

/// A count of what ended, since the beginning, which stays at its maximum.
///
/// Counting releases and reading acquires: whoever reads that a call ended also reads, if it looks there afterwards,
/// that it began. So a count of what began can be relaxed.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        if self.0.fetch_add(1, Ordering::Release) == u64::MAX {
            // Released like what it stands for: a plain store says nothing of the additions before it.
            self.0.store(u64::MAX, Ordering::Release);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(crate) fn preset(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_and_stays_at_its_maximum() {
        let counter = Counter::default();
        let counts = [(); 3].map(|()| {
            counter.add();
            counter.get()
        });
        assert_eq!(counts, [1, 2, 3]);
        counter.preset(u64::MAX - 1);
        (0..3).for_each(|_| counter.add());
        assert_eq!(counter.get(), u64::MAX);
    }
}
