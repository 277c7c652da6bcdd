//! The only place that reads time or makes a timer.
//!
//! In production the processor's own counter is read, see [`counter`]; with `test-util` it is tokio's clock, which
//! tests can pause.

#![allow(clippy::disallowed_methods, reason = "this is the place the rule points to")]

#[cfg(not(feature = "test-util"))]
mod ahead;
#[cfg(not(feature = "test-util"))]
mod counter;
#[cfg(buttress_loom)]
pub(crate) mod loom;
#[cfg(feature = "test-util")]
mod paused;
#[cfg(all(test, feature = "stack"))]
mod tests;

use std::cell::Cell;
use std::time::Duration;

#[cfg(not(feature = "test-util"))]
use counter as source;
#[cfg(feature = "test-util")]
use paused as source;

use crate::units::Instant;

/// The first reading is put this far from zero: the paused clock of one runtime may stand before the first reading
/// of another.
const FIRST: u64 = 24 * 60 * 60 * 1_000_000_000;

/// The time now. May go backwards between threads; every difference of instants saturates.
#[inline]
pub(crate) fn now() -> Instant {
    #[cfg(all(test, feature = "stack"))]
    tests::count_reading();
    source::now()
}

/// For whoever turns a call away, or counts a failure: if the clock stood still, no call would ever be let in again, and
/// no failure would be old enough to be forgotten. Compares it with the operating system's, one in so many times,
/// because that costs a reading of both.
pub(crate) fn check_now_and_then() {
    const TIMES: u8 = 64;
    thread_local! {
        static COUNT: Cell<u8> = const { Cell::new(0) };
    }
    let count = COUNT.get();
    COUNT.set(count.wrapping_add(1));
    if count.is_multiple_of(TIMES) {
        source::check(std::time::Instant::now(), source::now());
    }
}

/// A timer that fires at `at`, or right away if that has passed.
///
/// # Panics
///
/// Outside a tokio runtime with time enabled; that is tokio's own panic.
pub(crate) fn sleep_until(at: Instant) -> tokio::time::Sleep {
    sleep_from(now(), at)
}

/// The same for who has just read the clock.
pub(crate) fn sleep_from(now: Instant, at: Instant) -> tokio::time::Sleep {
    // One reading of the clock that timers go by, and it serves twice.
    let timers = tokio::time::Instant::now();
    source::check(timers.into_std(), now);
    match timers.checked_add(at.saturating_since(now)) {
        Some(at) => tokio::time::sleep_until(at),
        // tokio caps what it cannot represent at some decades from now.
        None => tokio::time::sleep(Duration::MAX),
    }
}

/// The date and time of day: for dates that come over the wire, and for events that people read.
pub(crate) fn wall() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// The instant that is so many nanoseconds after the first reading.
#[inline]
const fn after_first(nanos: u64) -> Instant {
    Instant::from_nanos(FIRST.saturating_add(nanos))
}
