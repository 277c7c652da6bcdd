//! The fallback, by what answers.

mod answer;
mod http;
mod to_service;

use buttress::{Fallback, FallbackSnapshot};

/// The counters, after the law was looked at.
pub fn counts(fallback: &Fallback) -> FallbackSnapshot {
    let s = fallback.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    let asked: u64 = s.causes.iter().map(|(_, count)| count).sum();
    assert_eq!(asked, s.degraded + s.failed, "{s:?}");
    s
}
