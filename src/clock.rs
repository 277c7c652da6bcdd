//! The only file that reads time or makes a timer.

#![allow(clippy::disallowed_methods, reason = "this is the file the rule points to")]

use std::time::Duration;

use crate::sync::OnceLock;
use crate::units::Instant;

#[cfg(feature = "test-util")]
fn monotonic() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(not(feature = "test-util"))]
fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

/// The time now. May go backwards between threads; every difference of instants saturates.
pub(crate) fn now() -> Instant {
    // The first reading is put this far from zero: the paused clock of one runtime may stand
    // before the first reading of another.
    const FIRST: Duration = Duration::from_secs(24 * 60 * 60);
    static ANCHOR: OnceLock<std::time::Instant> = OnceLock::new();

    let now = monotonic();
    let anchor = *ANCHOR.get_or_init(|| now);
    let since = match now.checked_duration_since(anchor) {
        Some(after) => FIRST.saturating_add(after),
        None => FIRST.saturating_sub(anchor.duration_since(now)),
    };
    Instant::from_nanos(crate::units::nanos(since))
}

/// A timer that fires at `at`, or right away if that has passed.
///
/// # Panics
///
/// Outside a tokio runtime with time enabled; that is tokio's own panic.
pub(crate) fn sleep_until(at: Instant) -> tokio::time::Sleep {
    // tokio caps what it cannot represent at some decades from now.
    tokio::time::sleep(at.saturating_since(now()))
}

/// The date and time of day: for dates that come over the wire, and for events that people read.
pub(crate) fn wall() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
