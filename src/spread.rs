//! A reference count that threads do not share, and mostly do not touch.
//!
//! A response future outlives the service that made it, so it has to hold the engine. With an `Arc`, all threads count
//! their calls in one word, and its cache line travels between them twice per call. Here each thread has a word of its
//! own to count in. And because counting up and down is still two locked instructions, more than all else that a
//! layer does with a call, each thread keeps the reference of the call that ended last for the next one to take. So
//! only calls that overlap on a thread are counted, and those wait for something that takes far longer.
//!
//! What is kept so keeps the value in memory, of at most [`SPARES`] engines of a kind and thread, until the thread needs
//! the place for another one or ends; whether the engine is alive is up to the [`Spread`].

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;

use crate::stripe::{slot, slots};
use crate::sync::Arc;

/// How many references a thread keeps for later, for each kind of value.
pub(crate) const SPARES: usize = 4;

/// A value, and for each slot of a thread a count of those who hold it.
pub(crate) struct Spread<T: Spared> {
    value: Arc<T>,
    /// One for each slot, and the last for all threads without one.
    lanes: Box<[Arc<Lane<T>>]>,
}

/// Wide enough that no two counts are on one cache line, nor on two that are fetched together.
pub(crate) struct Lane<T> {
    value: Arc<T>,
    /// Where threads keep a spare of it; nowhere if that is out of bounds.
    place: usize,
    _apart: [u64; 12],
}

/// A reference to the value of a [`Spread`], which keeps the value but not the `Spread`.
pub(crate) struct Lent<T: Spared>(
    /// Gone only while it is dropped.
    Option<Arc<Lane<T>>>,
);

/// What threads keep.
pub(crate) type Spares<T> = [Cell<Option<Arc<Lane<T>>>>; SPARES];

/// A type of which threads keep references, see [`spared!`].
pub(crate) trait Spared: Sized {
    /// How many there were before. One after the other, those of a kind go to different places.
    fn count() -> u64;

    /// None if the thread is about to end.
    fn with_spares<R>(act: impl FnOnce(&Spares<Self>) -> R) -> Option<R>;

    /// The [`Spread`] is gone. There may be calls that hold the value, and threads that keep it.
    fn abandoned(&self) {}
}

macro_rules! spared {
    ($ty:ty $(, abandoned: $abandoned:ident)?) => {
        impl $crate::spread::Spared for $ty {
            fn count() -> u64 {
                // It publishes nothing, hence relaxed.
                static COUNT: $crate::sync::AtomicU64 = $crate::sync::AtomicU64::new(0);
                COUNT.fetch_add(1, $crate::sync::Ordering::Relaxed)
            }

            #[inline]
            fn with_spares<R>(act: impl FnOnce(&$crate::spread::Spares<Self>) -> R) -> Option<R> {
                thread_local! {
                    static SPARES: $crate::spread::Spares<$ty> =
                        const { [const { std::cell::Cell::new(None) }; $crate::spread::SPARES] };
                }
                SPARES.try_with(act).ok()
            }

            $(fn abandoned(&self) {
                self.$abandoned();
            })?
        }
    };
}

pub(crate) use spared;

impl<T: Spared> Spread<T> {
    pub(crate) fn new(value: T) -> Self {
        let place = usize::try_from(T::count()).unwrap_or_default() % SPARES;
        let value = Arc::new(value);
        let lane = || Arc::new(Lane { value: Arc::clone(&value), place, _apart: [0; 12] });
        let lanes = (0..=slots()).map(|_| lane()).collect();
        Self { value, lanes }
    }

    /// With one count for all threads, and no spares: for a value that is one of very many, whose spares would only
    /// take the places of others.
    #[cfg(feature = "bulkhead")]
    pub(crate) fn small(value: T) -> Self {
        let value = Arc::new(value);
        let lane = Lane { value: Arc::clone(&value), place: SPARES, _apart: [0; 12] };
        Self { value, lanes: [Arc::new(lane)].into() }
    }

    pub(crate) fn value(&self) -> &Arc<T> {
        &self.value
    }

    /// A reference for one call. It may end on another thread.
    #[inline]
    pub(crate) fn lend(&self) -> Lent<T> {
        let own = &self.lanes[slot().min(self.lanes.len().saturating_sub(1))];
        match take_spare(own.place) {
            Some(spare) if Arc::ptr_eq(&spare, own) => Lent(Some(spare)),
            _ => Lent(Some(Arc::clone(own))),
        }
    }
}

#[inline]
fn take_spare<T: Spared>(place: usize) -> Option<Arc<Lane<T>>> {
    T::with_spares(|spares| spares.get(place)?.take()).flatten()
}

impl<T: Spared> Drop for Spread<T> {
    fn drop(&mut self) {
        if let Some(lane) = self.lanes.first()
            && let Some(spare) = take_spare::<T>(lane.place)
            && !Arc::ptr_eq(&spare.value, &self.value)
        {
            drop(Lent(Some(spare)));
        }
        self.value.abandoned();
    }
}

impl<T: Spared> Drop for Lent<T> {
    /// Keeps it for the next call, in place of one that was kept before.
    #[inline]
    fn drop(&mut self) {
        // The last one of a lane: the `Spread` is gone, and there is no next call.
        if let Some(lane) = self.0.take()
            && Arc::strong_count(&lane) > 1
        {
            let before = T::with_spares(|spares| spares.get(lane.place)?.replace(Some(lane)));
            drop(before);
        }
    }
}

impl<T: Spared> Deref for Spread<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Spared> Deref for Lent<T> {
    type Target = T;

    #[inline]
    #[expect(clippy::expect_used, reason = "its own drop is the only one who takes it out")]
    fn deref(&self) -> &T {
        &self.0.as_ref().expect("dropped already").value
    }
}

impl<T: Spared + fmt::Debug> fmt::Debug for Spread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Spared + fmt::Debug> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(buttress_loom)]
pub(crate) mod loom;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::stripe::sit;
    use crate::sync::{AtomicU64, Ordering::Relaxed};

    struct Value(AtomicU64);

    impl Value {
        fn note(&self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    spared!(Value, abandoned: note);

    fn spread() -> Spread<Value> {
        Spread::new(Value(AtomicU64::new(0)))
    }

    /// Other tests make some too, so the next one is not always in the next place.
    fn spread_in(place: usize) -> Spread<Value> {
        std::iter::repeat_with(spread).find(|spread| spread.lanes[0].place == place).unwrap()
    }

    /// All references that calls and threads hold, as counted.
    fn counted(spread: &Spread<Value>) -> usize {
        spread.lanes.iter().map(|lane| Arc::strong_count(lane) - 1).sum()
    }

    #[test]
    fn the_value_lives_as_long_as_a_call_and_knows_when_it_is_abandoned() {
        let spread = spread();
        let value = Arc::downgrade(&spread.value);
        let lent = thread::scope(|scope| scope.spawn(|| spread.lend()).join().unwrap());
        assert_eq!(lent.0.as_ref().unwrap().value.0.load(Relaxed), 0);
        drop(spread);
        assert_eq!(lent.0.as_ref().unwrap().value.0.load(Relaxed), 1);
        drop(lent);
        assert_eq!(value.strong_count(), 0);
    }

    #[test]
    fn an_engine_that_is_gone_from_its_thread_is_gone_at_once() {
        let spread = spread();
        let value = Arc::downgrade(&spread.value);
        drop(spread.lend());
        assert_eq!(counted(&spread), 1, "kept for the next call");
        drop(spread);
        assert_eq!(value.strong_count(), 0);
    }

    #[test]
    fn calls_one_after_another_count_nothing() {
        let (one, other) = (spread_in(0), spread_in(1));
        for _ in 0..3 {
            let (outer, inner) = (one.lend(), other.lend());
            assert_eq!((counted(&one), counted(&other)), (1, 1));
            drop((outer, inner));
            assert_eq!((counted(&one), counted(&other)), (1, 1));
        }
        let overlapping: Vec<_> = (0..5).map(|_| one.lend()).collect();
        assert_eq!(counted(&one), 5);
        drop(overlapping);
        assert_eq!(counted(&one), 1);
    }

    #[test]
    fn the_spare_of_another_engine_is_not_lent() {
        let (one, other) = (spread_in(0), spread_in(0));
        drop(one.lend());
        let lent = other.lend();
        assert!(std::ptr::eq(&*lent, &*other));
        assert_eq!((counted(&one), counted(&other)), (0, 1), "its spare gave way");
    }

    #[test]
    fn threads_count_apart() {
        let spread = spread();
        let barrier = crate::sync::Barrier::new(2);
        let places: Vec<usize> = thread::scope(|scope| {
            let (spread, barrier) = (&spread, &barrier);
            // Other tests may have all slots just now.
            let count = |own| {
                move || {
                    sit(own);
                    let lent = spread.lend();
                    barrier.wait();
                    Arc::as_ptr(lent.0.as_ref().unwrap()).addr()
                }
            };
            [0, 1].map(|own| scope.spawn(count(own))).map(|thread| thread.join().unwrap()).into()
        });
        assert!(places[0].abs_diff(places[1]) >= 128);
    }

    #[test]
    fn threads_that_end_keep_nothing_also_those_without_a_slot() {
        let spread = spread();
        let all = 3 * slots();
        let barrier = crate::sync::Barrier::new(all);
        thread::scope(|scope| {
            for _ in 0..all {
                scope.spawn(|| {
                    let lent = spread.lend();
                    barrier.wait();
                    drop(lent);
                });
            }
        });
        // A scope ends before the thread locals of its threads do.
        while counted(&spread) > 0 {
            thread::yield_now();
        }
        assert_eq!(Arc::strong_count(&spread.value), slots() + 2);
    }
}
