//! Who reads the clock, and how often: a reading costs more than most layers.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower::{Layer, Service, service_fn};

use crate::circuit_breaker::Window;
use crate::{
    BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, RetryLayer,
    RetryPolicy, TimeoutLayer,
};

type Fail = CallError<Infallible>;

thread_local! {
    static READINGS: Cell<u32> = const { Cell::new(0) };
}

pub(super) fn count_reading() {
    READINGS.set(READINGS.get() + 1);
}

/// Answers after as many pending polls as it is asked for.
fn inner() -> impl Service<u32, Response = (), Error = Fail> + Clone {
    service_fn(|mut pending: u32| {
        std::future::poll_fn(move |_| {
            let left = pending.checked_sub(1);
            pending = left.unwrap_or_default();
            left.map_or(Poll::Ready(Ok(())), |_| Poll::Pending)
        })
    })
}

/// The readings that one call costs, after one that may do what is done once.
fn readings(mut service: impl Service<u32, Response = (), Error = Fail>, pending: u32) -> u32 {
    call(&mut service, pending);
    let before = READINGS.get();
    call(&mut service, pending);
    READINGS.get() - before
}

fn call(service: &mut impl Service<u32, Response = (), Error = Fail>, pending: u32) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut call = pin!(service.call(pending));
    while call.as_mut().poll(&mut cx).is_pending() {}
}

#[test]
fn what_needs_no_time_reads_no_clock() {
    let last_calls = CircuitBreakerConfig::default().window(Window::last_calls(100));
    assert_eq!(readings(CircuitBreakerLayer::new(last_calls).layer(inner()), 0), 0, "circuit breaker");
    assert_eq!(readings(BulkheadLayer::new(1).layer(inner()), 0), 0, "bulkhead");
    assert_eq!(readings(RetryLayer::new(RetryPolicy::default()).layer(inner()), 1), 0, "retry");
    assert_eq!(readings(TimeoutLayer::new(Duration::from_secs(1)).layer(inner()), 0), 0, "timeout");
    assert_eq!(readings(FallbackLayer::value(()).layer(inner()), 1), 0, "fallback");
    assert_eq!(readings(FallbackLayer::service(inner()).layer(inner()), 1), 0, "fallback to a service");
}

#[tokio::test]
async fn a_timeout_reads_it_when_the_wait_begins_at_each_further_look_and_at_the_end() {
    for pending in 1..5 {
        let service = TimeoutLayer::new(Duration::from_secs(3_600)).layer(inner());
        assert_eq!(readings(service, pending), pending + 1, "{pending} times pending");
    }
}
