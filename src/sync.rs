//! The only file that names atomics and locks, so that one cfg puts all of them under a model checker.

#[cfg(test)]
pub(crate) use std::sync::Barrier;
#[cfg(feature = "circuit-breaker")]
pub(crate) use std::sync::Condvar;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};

/// Locks, whatever happened to an earlier holder.
///
/// Every critical section of this crate leaves its data consistent at each point where it could
/// unwind, so a poisoned lock carries no news.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
