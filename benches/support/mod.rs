//! What the benches share: inner services, layers, and how calls are made.

#![allow(dead_code, unused_imports, reason = "each bench takes what it needs")]

mod layers;
mod refusing;
mod services;

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Runtime};
use tower::Service;

pub(crate) use layers::*;
pub(crate) use refusing::*;
pub(crate) use services::{AtOnce, Broken, Error, Failing, PendingOnce};

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Calls polled by hand, so that nothing but them is counted. A timer in them needs an entered runtime.
pub(crate) fn calls<S: Service<u64, Response = u64>>(service: &mut S, requests: impl Iterator<Item = u64>) {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut answered, mut failed) = (0, 0);
    for request in requests {
        assert!(service.poll_ready(&mut cx).is_ready());
        let mut future = pin!(service.call(black_box(request)));
        let result = loop {
            if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
                break result;
            }
        };
        if black_box(&result).is_ok() { answered += 1 } else { failed += 1 }
    }
    all_alike(answered, failed);
}

/// A mixture of calls that pass and calls that are refused is a figure of neither.
pub(crate) fn all_alike(answered: u64, failed: u64) {
    assert!(answered == 0 || failed == 0, "{answered} calls were answered, {failed} were not");
}
