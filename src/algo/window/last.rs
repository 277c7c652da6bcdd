use super::Counts;

/// The last so many calls, two bits for each, and their sums. Each call costs the same whatever the size.
#[derive(Debug)]
pub(crate) struct LastCalls {
    failed: Bits,
    slow: Bits,
    size: u32,
    /// Where the next call goes. While the window fills up, it is also how many calls there are.
    next: u32,
    is_full: bool,
    failures: u64,
    slow_calls: u64,
}

impl LastCalls {
    pub(super) fn new(size: u32) -> Self {
        Self {
            failed: Bits::new(size),
            slow: Bits::new(size),
            size,
            next: 0,
            is_full: false,
            failures: 0,
            slow_calls: 0,
        }
    }

    /// A run of zeros, a word at a time.
    pub(super) fn push_successes(&mut self, count: u64) {
        // Of more than fit, the earlier ones would only be overwritten by equal ones.
        let mut left = u32::try_from(count).unwrap_or(u32::MAX).min(self.size);
        while left > 0 {
            let in_word = Bits::PER_WORD.saturating_sub(self.next % Bits::PER_WORD);
            let run = left.min(in_word).min(self.size.saturating_sub(self.next));
            let evicted = (self.failed.clear(self.next, run), self.slow.clear(self.next, run));
            self.step(run, evicted);
            left = left.saturating_sub(run);
        }
    }

    pub(super) fn push(&mut self, failed: bool, slow: bool) {
        let evicted = (self.failed.clear(self.next, 1), self.slow.clear(self.next, 1));
        if failed {
            self.failed.set(self.next);
        }
        if slow {
            self.slow.set(self.next);
        }
        self.step(1, evicted);
        self.failures = self.failures.saturating_add(failed.into());
        self.slow_calls = self.slow_calls.saturating_add(slow.into());
    }

    fn step(&mut self, run: u32, evicted: (u64, u64)) {
        // Before the window is full, what is overwritten is left from before the last `clear`.
        if self.is_full {
            self.failures = self.failures.saturating_sub(evicted.0);
            self.slow_calls = self.slow_calls.saturating_sub(evicted.1);
        }
        self.next = self.next.saturating_add(run);
        if self.next >= self.size {
            self.next = 0;
            self.is_full = true;
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let recorded = if self.is_full { self.size } else { self.next };
        Counts { recorded: recorded.into(), failures: self.failures, slow: self.slow_calls }
    }

    /// Leaves the bits as they are: they are overwritten before they are counted again.
    pub(super) fn clear(&mut self) {
        self.next = 0;
        self.is_full = false;
        self.failures = 0;
        self.slow_calls = 0;
    }
}

#[derive(Debug)]
struct Bits(Box<[u64]>);

impl Bits {
    const PER_WORD: u32 = u64::BITS;

    fn new(size: u32) -> Self {
        Self(vec![0; size.div_ceil(Self::PER_WORD) as usize].into())
    }

    fn word(&mut self, at: u32) -> Option<&mut u64> {
        self.0.get_mut((at / Self::PER_WORD) as usize)
    }

    fn set(&mut self, at: u32) {
        let mask = mask(at % Self::PER_WORD, 1);
        if let Some(word) = self.word(at) {
            *word |= mask;
        }
    }

    /// Clears a run within one word, and tells how many bits of it were set.
    fn clear(&mut self, at: u32, run: u32) -> u64 {
        let mask = mask(at % Self::PER_WORD, run);
        self.word(at).map_or(0, |word| {
            let set = (*word & mask).count_ones();
            *word &= !mask;
            set.into()
        })
    }
}

/// So many ones, from this bit on; at least one.
fn mask(from: u32, run: u32) -> u64 {
    let ones = u64::MAX.checked_shr(Bits::PER_WORD.saturating_sub(run)).unwrap_or(0);
    ones.checked_shl(from).unwrap_or(0)
}
