//! The bulkhead, by mode.

mod config;
mod outcome;
mod queued;
mod reject_now;
mod soak;

use std::task::Poll;

use buttress::{Bulkhead, BulkheadSnapshot};
use tower::Service;

use crate::support::poll_ready;

/// A call that was sent and is not polled yet.
pub fn send<S: Service<u64>>(service: &mut S, request: u64) -> std::pin::Pin<Box<S::Future>> {
    assert!(matches!(poll_ready(service), Poll::Ready(Ok(()))), "not ready");
    Box::pin(service.call(request))
}

/// The counters, after the laws were looked at.
pub fn counts(bulkhead: &Bulkhead) -> BulkheadSnapshot {
    let s = bulkhead.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    assert_eq!(s.admitted, s.completed + s.cancelled + s.in_flight, "{s:?}");
    assert_eq!(s.rejected, s.full + s.queue_full + s.queue_timeout + s.not_ready, "{s:?}");
    assert!(s.panicked <= s.cancelled, "{s:?}");
    s
}
