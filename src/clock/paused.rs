//! tokio's clock, for tests.

use super::{FIRST, after_first};
use crate::sync::OnceLock;
use crate::units::{Instant, nanos};

static ANCHOR: OnceLock<std::time::Instant> = OnceLock::new();

pub(super) fn now() -> Instant {
    let now = tokio::time::Instant::now().into_std();
    let anchor = *ANCHOR.get_or_init(|| now);
    match now.checked_duration_since(anchor) {
        Some(since) => after_first(nanos(since)),
        // Of another runtime, whose clock was paused earlier.
        None => Instant::from_nanos(FIRST.saturating_sub(nanos(anchor.saturating_duration_since(now)))),
    }
}

/// Timers go by this very clock.
pub(super) fn check(_: std::time::Instant, _: Instant) {}
