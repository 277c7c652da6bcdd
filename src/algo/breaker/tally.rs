use crate::sync::{AtomicU64, Ordering};

/// Successes of a closed breaker that the window has not been told of yet: `epoch << 32 | count`.
///
/// This is all that a success costs: one step on one word, without the lock. Whoever holds the lock takes the
/// count out before it does anything else, so the window has every success that came before a failure.
///
/// The epoch stands in the same word, so that a straggler of an earlier one cannot add to a new window. The
/// word is changed by read-modify-write only; the addition releases and the taking acquires, so that a
/// snapshot that counts a success also sees that its call was admitted.
#[derive(Debug)]
pub(super) struct Tally(AtomicU64);

/// The success belongs to an earlier epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late;

const EPOCH: u32 = u32::BITS;
const COUNT: u64 = u32::MAX as u64;

impl Tally {
    /// From this count on, whoever adds a success has the window told: telling it costs a step per 64 calls,
    /// and nobody shall hold the lock for long.
    pub(super) const FULL: u64 = 1_024;

    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one success, and tells how many there are now.
    pub(super) fn add(&self, epoch: u32) -> Result<u64, Late> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word >> EPOCH != u64::from(epoch) {
                return Err(Late);
            }
            // The count cannot reach the epoch: it is taken out when it is full, and only as many threads
            // as there are add to it meanwhile.
            let next = word.wrapping_add(1);
            match self.0.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(next & COUNT),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes the count out, and goes on in this epoch. Only under the lock.
    pub(super) fn take(&self, epoch: u32) -> u64 {
        self.0.swap(u64::from(epoch) << EPOCH, Ordering::AcqRel) & COUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straggler_adds_nothing_to_a_later_epoch() {
        let tally = Tally::new();
        assert_eq!((tally.add(0), tally.add(0)), (Ok(1), Ok(2)));
        assert_eq!(tally.take(7), 2);
        assert_eq!((tally.add(0), tally.add(6), tally.add(8)), (Err(Late), Err(Late), Err(Late)));
        assert_eq!((tally.add(7), tally.take(u32::MAX)), (Ok(1), 1));
        assert_eq!((tally.add(u32::MAX), tally.take(0)), (Ok(1), 1));
    }
}
