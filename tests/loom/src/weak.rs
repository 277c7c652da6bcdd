//! An `Arc` that has weak references: std's, with loom's word beside it, so that the checker may let another thread go on
//! wherever one comes or goes, and tells who sees what whom did.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use loom::sync::atomic::AtomicU64;

pub(crate) struct Arc<T> {
    value: std::sync::Arc<T>,
    /// As many changes as std's own count sees, by the same orderings.
    count: std::sync::Arc<AtomicU64>,
}

#[derive(Debug)]
pub(crate) struct Weak<T> {
    value: std::sync::Weak<T>,
    count: std::sync::Arc<AtomicU64>,
}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: std::sync::Arc::new(value), count: std::sync::Arc::new(AtomicU64::new(1)) }
    }

    pub(crate) fn downgrade(this: &Self) -> Weak<T> {
        Weak { value: std::sync::Arc::downgrade(&this.value), count: std::sync::Arc::clone(&this.count) }
    }

    pub(crate) fn ptr_eq(this: &Self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&this.value, &other.value)
    }
}

impl<T> Weak<T> {
    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        // Std's own look follows at once: nobody comes between.
        self.count.fetch_add(1, Acquire);
        let value = self.value.upgrade();
        if value.is_none() {
            self.count.fetch_sub(1, Relaxed);
        }
        Some(Arc { value: value?, count: std::sync::Arc::clone(&self.count) })
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        self.count.fetch_add(1, Relaxed);
        Self { value: std::sync::Arc::clone(&self.value), count: std::sync::Arc::clone(&self.count) }
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // The value's own count goes down right after.
        self.count.fetch_sub(1, AcqRel);
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Default> Default for Arc<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
