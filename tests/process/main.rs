//! What all engines of a process share: in a process of its own, one test at a time.
//!
//! Here is also what looks at the registry on paused time that it has moved on by more than a second or two: an engine
//! that is looked at on such a clock forgets what is over by then, and it may be another test's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test makes its own timers, on paused time")]
#![allow(unreachable_pub, reason = "nobody depends on it")]

mod admin;
mod duplicates;
mod mode;
mod saturation;
#[path = "../support/woken.rs"]
mod woken;

use std::sync::{Mutex, MutexGuard, PoisonError};

use buttress::registry::Registry;

/// One test at a time, and each leaves the mode as it was.
struct Alone(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

fn alone() -> Alone {
    static ONE: Mutex<()> = Mutex::new(());
    Alone(ONE.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drop for Alone {
    fn drop(&mut self) {
        Registry::global().clear_mode("test");
    }
}
