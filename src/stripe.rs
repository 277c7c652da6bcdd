//! What every thread keeps for itself.
//!
//! A counter that all threads add to costs each of them a locked instruction, and under contention a cache line
//! that travels. Here a thread has a slot, and a counter a cell for each slot, which only the thread that has
//! the slot writes: adding is a load and a store. Who reads adds the cells up.

use std::cell::Cell;

use crate::sync::{AtomicU64, Mutex, OnceLock, Ordering, lock, thread_locals};

/// One `T` for each slot, and a last one for all threads that have none.
#[derive(Debug)]
pub(crate) struct PerThread<T>(Box<[Line<T>]>);

/// On cache lines of its own: two, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line<T>(T);

/// The place of this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here {
    pub(crate) index: usize,
    /// Nobody else writes there.
    pub(crate) is_alone: bool,
}

impl<T: Default> PerThread<T> {
    pub(crate) fn new() -> Self {
        Self((0..=slots()).map(|_| Line::default()).collect())
    }
}

impl<T: Default> PerThread<T> {
    /// One for all threads, where there are too many to have one for each.
    #[cfg(feature = "circuit-breaker")]
    pub(crate) fn shared() -> Self {
        Self([Line::default()].into())
    }
}

impl<T> PerThread<T> {
    #[inline]
    pub(crate) fn here(&self) -> Here {
        let (slot, last) = (slot(), self.0.len().saturating_sub(1));
        Here { index: slot.min(last), is_alone: slot < last }
    }

    #[inline]
    pub(crate) fn at(&self, index: usize) -> &T {
        &self.0[index].0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|Line(of_one)| of_one)
    }
}

/// Adds to a cell of [`PerThread`], which stays at its maximum.
///
/// Relaxed: nothing is published by it. Who counts what ended with a release, and reads that first, sees here that it
/// began.
#[inline]
pub(crate) fn add(cell: &AtomicU64, count: u64, is_alone: bool) {
    if is_alone {
        // Nobody else writes here, so nothing gets lost between the load and the store.
        cell.store(cell.load(Ordering::Relaxed).saturating_add(count), Ordering::Relaxed);
    } else if cell.fetch_add(count, Ordering::Relaxed).checked_add(count).is_none() {
        cell.store(u64::MAX, Ordering::Relaxed);
    }
}

/// A count of what began, since the beginning.
#[derive(Debug)]
pub(crate) struct Striped(PerThread<AtomicU64>);

impl Default for Striped {
    fn default() -> Self {
        Self::new()
    }
}

impl Striped {
    pub(crate) fn new() -> Self {
        Self(PerThread::new())
    }

    #[inline]
    pub(crate) fn add(&self) {
        let here = self.0.here();
        add(self.0.at(here.index), 1, here.is_alone);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.iter().fold(0, |sum, cell| sum.saturating_add(cell.load(Ordering::Relaxed)))
    }
}

/// How many threads can have a slot: more than run at once, so that threads that come and go find one.
pub(crate) fn slots() -> usize {
    static SLOTS: OnceLock<usize> = OnceLock::new();
    *SLOTS.get_or_init(|| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        threads.saturating_mul(2).clamp(4, 64)
    })
}

thread_locals! {
    static SLOT: Cell<usize> = const { Cell::new(UNKNOWN) };
    static LEASE: Lease = Lease::take();
}

/// The thread has not asked for one yet.
const UNKNOWN: usize = usize::MAX;
/// There was none left, or the thread is about to end.
const NONE: usize = usize::MAX - 1;

/// The slot of this thread, out of bounds if it has none.
#[inline]
pub(crate) fn slot() -> usize {
    match SLOT.with(Cell::get) {
        UNKNOWN => ask_for_slot(),
        slot => slot,
    }
}

#[cold]
fn ask_for_slot() -> usize {
    let slot = LEASE.try_with(|lease| lease.0).unwrap_or(NONE);
    sit(slot);
    slot
}

pub(crate) fn sit(slot: usize) {
    SLOT.with(|own| own.set(slot));
}

/// Keeps the slot for as long as the thread lives. The lock hands it from one thread to the next, with all that
/// was written.
struct Lease(usize);

#[cfg(not(buttress_loom))]
static FREE: Mutex<Free> = Mutex::new(Free::NEW);
#[cfg(buttress_loom)]
::loom::lazy_static! { static ref FREE: Mutex<Free> = Mutex::new(Free::NEW); }

struct Free {
    given_back: Vec<usize>,
    /// The first that nobody had yet.
    next: usize,
}

impl Free {
    const NEW: Self = Self { given_back: Vec::new(), next: 0 };
}

impl Lease {
    fn take() -> Self {
        let mut free = lock(&FREE);
        if let Some(slot) = free.given_back.pop() {
            return Self(slot);
        }
        if free.next >= slots() {
            return Self(NONE);
        }
        free.next = free.next.saturating_add(1);
        Self(free.next.saturating_sub(1))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // What still runs on this thread, such as the drop of other thread locals, must not use it any more.
        sit(NONE);
        if self.0 < NONE {
            lock(&FREE).given_back.push(self.0);
        }
    }
}

#[cfg(buttress_loom)]
pub(crate) mod loom;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn nothing_is_lost_however_many_threads_come_and_go() {
        let counter = Striped::new();
        thread::scope(|scope| {
            for _ in 0..200 {
                scope.spawn(|| (0..1_000).for_each(|_| counter.add()));
            }
        });
        assert_eq!(counter.get(), 200_000);
    }

    #[test]
    fn no_two_threads_that_live_have_the_same_slot() {
        let all = 3 * slots();
        let barrier = crate::sync::Barrier::new(all);
        let taken = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..all {
                scope.spawn(|| {
                    let slot = slot();
                    barrier.wait();
                    if slot < NONE {
                        lock(&taken).push(slot);
                    }
                });
            }
        });
        let mut taken = lock(&taken).clone();
        let count = taken.len();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), count);
        assert!(count <= slots());
    }

    /// In a thread of its own, whose slot goes with it.
    fn with_slot(slot: usize, act: impl FnOnce() + Send) {
        thread::scope(|scope| {
            scope.spawn(|| {
                sit(slot);
                act();
            });
        });
    }

    #[test]
    fn a_thread_is_alone_in_its_own_cell_and_not_in_the_last() {
        let cells = PerThread::<u8>::new();
        let last = slots();
        assert!((4..=64).contains(&last));
        for (slot, index, is_alone) in [(0, 0, true), (last - 1, last - 1, true), (NONE, last, false)] {
            with_slot(slot, || {
                let here = cells.here();
                assert_eq!((here.index, here.is_alone), (index, is_alone));
            });
        }
    }

    #[cfg(feature = "circuit-breaker")]
    #[test]
    fn nobody_is_alone_where_there_is_one_for_all() {
        let cells = PerThread::<u8>::shared();
        with_slot(0, || assert_eq!((cells.here().index, cells.here().is_alone), (0, false)));
        assert_eq!(cells.iter().count(), 1);
    }

    #[test]
    fn who_found_no_slot_does_not_ask_again() {
        with_slot(NONE, || assert_eq!(slot(), NONE));
    }

    #[test]
    fn a_lease_of_no_slot_gives_none_back() {
        with_slot(NONE, || drop(Lease(NONE)));
        assert!(!lock(&FREE).given_back.contains(&NONE));
    }

    #[test]
    fn a_thread_counts_until_its_very_end() {
        struct AtTheEnd(crate::sync::Arc<Striped>);
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                self.0.add();
            }
        }
        thread_local!(static LAST: Cell<Option<AtTheEnd>> = const { Cell::new(None) });
        let counter = crate::sync::Arc::new(Striped::new());
        let other = crate::sync::Arc::clone(&counter);
        thread::spawn(move || {
            LAST.set(Some(AtTheEnd(crate::sync::Arc::clone(&other))));
            other.add();
        })
        .join()
        .unwrap();
        assert_eq!(counter.get(), 2);
    }
}
