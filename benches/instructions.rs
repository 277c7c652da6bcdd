//! Makes so many calls through one layer, for an instruction counter to watch: `instructions CASE CALLS`.
//!
//! Run by `benches/instructions.sh`, which takes the difference of two runs, so that what is done once
//! (construction, the runtime) falls out.

#![allow(clippy::print_stdout, reason = "it lists its cases")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::{
    BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer, Quota, RateLimitLayer, RetryLayer,
    RetryPolicy, TimeoutLayer, client_stack,
};
use tower::{Layer, Service, ServiceBuilder};

const LONG: Duration = Duration::from_secs(3_600);

/// Answers at once.
#[derive(Clone)]
struct AtOnce;

impl Service<u64> for AtOnce {
    type Response = u64;
    type Error = CallError<Infallible>;
    type Future = Ready<Result<u64, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

fn calls<S: Service<u64, Response = u64>>(mut service: S, count: u64) {
    let mut cx = Context::from_waker(Waker::noop());
    for request in 0..count {
        assert!(service.poll_ready(&mut cx).is_ready());
        let future = pin!(service.call(black_box(request)));
        assert!(black_box(future.poll(&mut cx)).is_ready());
    }
}

fn breaker(window: Window) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().window(window)).name("case")
}

fn open() -> CircuitBreakerLayer {
    let layer = breaker(Window::last_calls(100));
    layer.breaker().isolate();
    layer
}

fn full() -> BulkheadLayer {
    let layer = BulkheadLayer::new(1).name("case");
    std::mem::forget(layer.bulkhead().try_admit());
    layer
}

fn quota() -> RateLimitLayer {
    RateLimitLayer::new(Quota::per_second(1_000_000_000).burst(1_000_000)).name("case")
}

fn drained() -> RateLimitLayer {
    let layer = RateLimitLayer::new(Quota::per_hour(1)).name("case");
    assert!(layer.limiter().try_admit().is_ok());
    layer
}

fn keyed() -> impl Layer<AtOnce, Service: Service<u64, Response = u64>> {
    let quota = Quota::per_second(1_000_000_000).burst(1_000_000);
    RateLimitLayer::per_key(quota, |request: &u64| Some(request % 1_000)).name("case")
}

fn retry() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default()).name("case")
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::new(LONG).name("case")
}

fn five() -> impl Layer<AtOnce, Service: Service<u64, Response = u64>> {
    ServiceBuilder::new()
        .layer(retry())
        .layer(breaker(Window::time(Duration::from_secs(10))))
        .layer(BulkheadLayer::new(64).name("case"))
        .layer(quota())
        .layer(timeout())
}

type Case = (&'static str, fn(u64));

const CASES: [Case; 14] = [
    ("bare", |n| calls(AtOnce, n)),
    ("breaker_last_calls", |n| calls(breaker(Window::last_calls(100)).layer(AtOnce), n)),
    ("breaker_time", |n| calls(breaker(Window::time(Duration::from_secs(10))).layer(AtOnce), n)),
    ("bulkhead", |n| calls(BulkheadLayer::new(64).name("case").layer(AtOnce), n)),
    ("rate_limit", |n| calls(quota().layer(AtOnce), n)),
    ("rate_limit_per_key", |n| calls(keyed().layer(AtOnce), n)),
    ("retry", |n| calls(retry().layer(AtOnce), n)),
    ("timeout", |n| calls(timeout().layer(AtOnce), n)),
    ("five", |n| calls(five().layer(AtOnce), n)),
    ("client_stack", |n| calls(client_stack("case").layer(AtOnce), n)),
    ("breaker_open", |n| calls(open().layer(AtOnce), n)),
    ("bulkhead_full", |n| calls(full().layer(AtOnce), n)),
    ("rate_limit_drained", |n| calls(drained().layer(AtOnce), n)),
    ("try_admit_breaker", |n| {
        let breaker = breaker(Window::last_calls(100)).breaker();
        (0..n).for_each(|_| breaker.try_admit().expect("closed").settle(buttress::Verdict::success()));
    }),
];

fn main() {
    // Cargo adds flags of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [case, count] = words.as_slice() else {
        CASES.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let (_, run) = CASES.iter().find(|(name, _)| name == case).expect("a case");
    run(count.parse().expect("a number of calls"));
}
