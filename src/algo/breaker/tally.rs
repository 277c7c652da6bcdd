use crate::stripe::{Here, PerThread, add};
use crate::sync::{AtomicU64, Ordering};

/// What threads count for themselves: the calls that were admitted, and the successes of a closed breaker that
/// the window has not been told of yet.
///
/// This is all that a success costs: a load and a store in a cell that no other thread writes. Whoever holds the lock
/// takes what is new in all cells before it does anything else, so the window has every success that came before
/// a failure.
///
/// A cell of successes is `epoch << 32 | 1 << 31 | count`, or zero as long as nobody has joined with it. The count
/// goes round. The thread that counts there changes the epoch, under the lock; so a success of another epoch finds no
/// place, and what is new in a cell is all of the epoch that stands there. Counting a success releases and taking it
/// acquires, so that a snapshot that has it also sees that its call was admitted; that count is relaxed.
#[derive(Debug)]
pub(super) struct Tally(PerThread<Cells>);

#[derive(Debug, Default)]
struct Cells {
    admitted: AtomicU64,
    successes: AtomicU64,
}

/// What was taken out of the tally, kept under the lock: for each cell that has been joined, its place and what its
/// count was.
#[derive(Debug, Default)]
pub(super) struct Taken(Vec<(usize, u64)>);

/// Successes that are new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fresh {
    pub(super) current: u64,
    /// Of an earlier epoch.
    pub(super) late: u64,
}

/// The thread has not joined in this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotJoined;

const TAG: u32 = 31;
const COUNT: u64 = (1 << TAG) - 1;

const fn tag(epoch: u32) -> u64 {
    (epoch as u64) << 1 | 1
}

/// The word with one more success, if it is of this epoch.
const fn one_more(word: u64, epoch: u32) -> Result<u64, NotJoined> {
    if word >> TAG == tag(epoch) { Ok(word & !COUNT | word.wrapping_add(1) & COUNT) } else { Err(NotJoined) }
}

impl Tally {
    /// After so many successes a thread has the window told: telling it costs a step per 64 calls, and nobody
    /// shall hold the lock for long.
    pub(super) const FULL: u64 = 1_024;

    pub(super) fn new() -> Self {
        Self(PerThread::new())
    }

    /// With one cell for all threads.
    pub(super) fn small() -> Self {
        Self(PerThread::shared())
    }

    #[inline]
    pub(super) fn admit(&self) {
        let here = self.0.here();
        add(&self.0.at(here.index).admitted, 1, here.is_alone);
    }

    pub(super) fn admitted(&self) -> u64 {
        let each = self.0.iter().map(|cells| cells.admitted.load(Ordering::Relaxed));
        each.fold(0, u64::saturating_add)
    }

    /// Adds one success. Tells whether it is time that the window is told.
    #[inline]
    pub(super) fn add(&self, epoch: u32) -> Result<bool, NotJoined> {
        let Here { index, is_alone } = self.0.here();
        let cell = &self.0.at(index).successes;
        // Relaxed: what stands there is our own, or is compared in the exchange below.
        let mut word = cell.load(Ordering::Relaxed);
        loop {
            let next = one_more(word, epoch)?;
            if is_alone {
                // Released, as below: publishes that the call was admitted, to `take`.
                cell.store(next, Ordering::Release);
            } else if let Err(seen) =
                cell.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed)
            {
                word = seen;
                continue;
            }
            return Ok(next % Self::FULL == 0);
        }
    }

    /// This thread adds successes of this epoch from now on. Only under the lock.
    pub(super) fn join(&self, epoch: u32, taken: &mut Taken) -> Fresh {
        let mut fresh = Fresh::default();
        let Here { index, .. } = self.0.here();
        let cell = &self.0.at(index).successes;
        // Relaxed, both: others who count in the last cell may have counted since, and the exchange goes on telling
        // `take` what they released.
        let known = taken.count_of(index);
        loop {
            let word = cell.load(Ordering::Relaxed);
            fresh.add(word, known, epoch);
            let joined = tag(epoch) << TAG | word & COUNT;
            // Fails in the last cell, where several threads count, or for no reason.
            if cell.compare_exchange_weak(word, joined, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return fresh;
            }
        }
    }

    /// What is new since the last time. Only under the lock.
    pub(super) fn take(&self, epoch: u32, taken: &mut Taken) -> Fresh {
        let mut fresh = Fresh::default();
        for (index, known) in &mut taken.0 {
            // Acquired: pairs with the releases of `add`.
            fresh.add(self.0.at(*index).successes.load(Ordering::Acquire), known, epoch);
        }
        fresh
    }

    #[cfg(test)]
    pub(super) fn preset_admitted(&self, count: u64) {
        // By threads that have no cell of their own.
        let last = self.0.iter().last().unwrap();
        last.admitted.store(count, Ordering::Relaxed);
    }
}

impl Taken {
    /// What is known of the count of this cell.
    fn count_of(&mut self, index: usize) -> &mut u64 {
        let place = self.0.iter().position(|(joined, _)| *joined == index).unwrap_or_else(|| {
            self.0.push((index, 0));
            self.0.len().saturating_sub(1)
        });
        &mut self.0[place].1
    }
}

impl Fresh {
    fn add(&mut self, word: u64, known: &mut u64, epoch: u32) {
        let new = word.wrapping_sub(*known) & COUNT;
        *known = word & COUNT;
        let of_epoch = if word >> TAG == tag(epoch) { &mut self.current } else { &mut self.late };
        *of_epoch = of_epoch.saturating_add(new);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::sync::{Barrier, Mutex, lock};

    #[test]
    fn who_has_not_joined_adds_nothing() {
        let (tally, mut taken) = (Tally::new(), Taken::default());
        assert_eq!(tally.add(0), Err(NotJoined), "a fresh cell is of no epoch");
        for (epoch, others) in [(0, [1, u32::MAX]), (7, [0, 8]), (u32::MAX, [0, u32::MAX - 1])] {
            assert_eq!(tally.join(epoch, &mut taken), Fresh::default());
            assert_eq!(others.map(|other| tally.add(other)), [Err(NotJoined); 2]);
            assert_eq!((tally.add(epoch), tally.add(epoch)), (Ok(false), Ok(false)));
            assert_eq!(tally.take(epoch, &mut taken), Fresh { current: 2, late: 0 });
            assert_eq!(tally.take(epoch, &mut taken), Fresh::default());
        }
    }

    #[test]
    fn what_comes_after_its_epoch_is_late() {
        let (tally, mut taken) = (Tally::new(), Taken::default());
        tally.join(3, &mut taken);
        assert_eq!((tally.add(3), tally.take(4, &mut taken)), (Ok(false), Fresh { current: 0, late: 1 }));
        assert_eq!((tally.add(3), tally.join(4, &mut taken)), (Ok(false), Fresh { current: 0, late: 1 }));
        assert_eq!((tally.add(4), tally.take(4, &mut taken)), (Ok(false), Fresh { current: 1, late: 0 }));
    }

    #[test]
    fn the_count_goes_round() {
        let (tally, mut taken) = (Tally::new(), Taken::default());
        let cell = &tally.0.at(tally.0.here().index).successes;
        cell.store(COUNT - 1, Ordering::Relaxed);
        tally.join(9, &mut taken);
        let full: u64 = (0..3_000).map(|_| u64::from(tally.add(9).unwrap())).sum();
        assert_eq!((full, tally.take(9, &mut taken).current), (3, 3_000));
    }

    #[test]
    fn a_small_one_counts_what_all_threads_do() {
        let (tally, mut taken) = (Tally::small(), Taken::default());
        tally.join(3, &mut taken);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        tally.admit();
                        tally.add(3).unwrap();
                    }
                });
            }
        });
        assert_eq!((tally.take(3, &mut taken).current, tally.admitted()), (3_000, 3_000));
    }

    /// More threads than there are cells, so that some share the last one.
    #[test]
    fn nothing_is_lost_among_threads_however_often_the_epoch_changes() {
        const EACH: u64 = 20_000;
        let threads = 3 * crate::stripe::slots();
        let (tally, barrier) = (Tally::new(), Barrier::new(threads));
        let locked = Mutex::new((0, Taken::default(), Fresh::default()));
        let known = |fresh: Fresh, sum: &mut Fresh| {
            sum.current += fresh.current;
            sum.late += fresh.late;
        };
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    barrier.wait();
                    let mut epoch = 0;
                    for call in 0..EACH {
                        if call % 5_000 == 4_999 {
                            let (now, taken, sum) = &mut *lock(&locked);
                            known(tally.take(*now, taken), sum);
                            *now += 1;
                        }
                        while tally.add(epoch).is_err() {
                            let (now, taken, sum) = &mut *lock(&locked);
                            epoch = *now;
                            known(tally.join(epoch, taken), sum);
                        }
                    }
                });
            }
        });
        let (now, taken, sum) = &mut *lock(&locked);
        known(tally.take(*now, taken), sum);
        assert_eq!(sum.current + sum.late, threads as u64 * EACH);
    }
}
