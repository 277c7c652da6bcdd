//! A reference count that threads do not share.
//!
//! A response future outlives the service that made it, so it has to hold the engine. With an `Arc`, all threads count
//! their calls in one word, and its cache line travels between them twice per call. Here each thread has a word of its
//! own to count in.

use std::fmt;
use std::ops::Deref;

use crate::stripe::{slot, slots};
use crate::sync::Arc;

/// A value, and for each slot of a thread a count of those who hold it.
pub(crate) struct Spread<T> {
    value: Arc<T>,
    /// One for each slot, and the last for all threads without one.
    lanes: Box<[Arc<Lane<T>>]>,
}

/// Wide enough that no two counts are on one cache line, nor on two that are fetched together.
struct Lane<T> {
    value: Arc<T>,
    _apart: [u64; 13],
}

/// A reference to the value of a [`Spread`], which keeps the value but not the `Spread`.
pub(crate) struct Lent<T>(Arc<Lane<T>>);

impl<T> Spread<T> {
    pub(crate) fn new(value: T) -> Self {
        let value = Arc::new(value);
        let lane = || Arc::new(Lane { value: Arc::clone(&value), _apart: [0; 13] });
        let lanes = (0..=slots()).map(|_| lane()).collect();
        Self { value, lanes }
    }

    /// A reference for one call. It may end on another thread.
    #[inline]
    pub(crate) fn lend(&self) -> Lent<T> {
        let own = slot().min(self.lanes.len().saturating_sub(1));
        Lent(Arc::clone(&self.lanes[own]))
    }
}

impl<T> Deref for Spread<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Deref for Lent<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Spread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_value_lives_as_long_as_anything_of_it() {
        let spread = Spread::new(7);
        let value = Arc::downgrade(&spread.value);
        let lent = thread::scope(|scope| scope.spawn(|| spread.lend()).join().unwrap());
        drop(spread);
        assert_eq!((*lent, value.strong_count() > 0), (7, true));
        drop(lent);
        assert_eq!(value.strong_count(), 0);
    }

    #[test]
    fn threads_count_apart() {
        let spread = Spread::new(());
        let barrier = crate::sync::Barrier::new(2);
        let places: Vec<usize> = thread::scope(|scope| {
            let count = || {
                let lent = spread.lend();
                barrier.wait();
                Arc::as_ptr(&lent.0).addr()
            };
            [scope.spawn(count), scope.spawn(count)].map(|thread| thread.join().unwrap()).into()
        });
        assert!(places[0].abs_diff(places[1]) >= 128);
    }

    #[test]
    fn threads_without_a_slot_share_one() {
        let spread = Spread::new(7);
        let all = 3 * slots();
        let barrier = crate::sync::Barrier::new(all);
        thread::scope(|scope| {
            for _ in 0..all {
                scope.spawn(|| {
                    let lent = spread.lend();
                    barrier.wait();
                    assert_eq!(*lent, 7);
                });
            }
        });
        assert_eq!(Arc::strong_count(&spread.value), slots() + 2);
    }
}
