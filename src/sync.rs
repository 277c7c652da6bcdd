//! The only file that names atomics and locks, so that one cfg puts all of them under a model checker.

#[cfg(not(buttress_loom))]
mod checked {
    #[cfg(test)]
    pub(crate) use std::sync::Barrier;
    #[cfg(feature = "circuit-breaker")]
    pub(crate) use std::sync::Condvar;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
    pub(crate) use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, Weak};
    #[cfg(feature = "circuit-breaker")]
    pub(crate) use std::thread;
    pub(crate) use std::thread_local as thread_locals;
}

/// loom's own. It has no `Weak` and no `OnceLock`, and nothing that can be made in a constant.
#[cfg(buttress_loom)]
mod checked {
    pub(crate) use crate::atomic::AtomicU64;
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
    pub(crate) use loom::thread;
    pub(crate) use std::sync::OnceLock;

    macro_rules! thread_locals {
        () => {};
        (static $name:ident: $ty:ty = const $init:block; $($rest:tt)*) => {
            ::loom::thread_local! { static $name: $ty = $init; }
            thread_locals! { $($rest)* }
        };
        (static $name:ident: $ty:ty = $init:expr; $($rest:tt)*) => {
            ::loom::thread_local! { static $name: $ty = $init; }
            thread_locals! { $($rest)* }
        };
    }
    pub(crate) use thread_locals;
}

pub(crate) use checked::*;
pub(crate) use std::sync::PoisonError;
pub(crate) use std::sync::atomic::Ordering;

/// Locks, whatever happened to an earlier holder.
///
/// Every critical section of this crate leaves its data consistent at each point where it could
/// unwind, so a poisoned lock carries no news.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
