//! The cost of one admitted call, beside the bare service and tower's own layers.
//!
//! `cargo bench --bench overhead`. Take ratios and differences within one run; machines are noisy.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use buttress::circuit_breaker::Window;
use buttress::{
    BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer, Quota, RateLimitLayer, RetryLayer,
    RetryPolicy, TimeoutLayer, client_stack,
};
use criterion::{Criterion, criterion_group, criterion_main};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

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

/// Answers at the second poll.
#[derive(Clone)]
struct PendingOnce;

struct Once(u64, bool);

impl Future for Once {
    type Output = Result<u64, CallError<Infallible>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(Ok(self.0));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Service<u64> for PendingOnce {
    type Response = u64;
    type Error = CallError<Infallible>;
    type Future = Once;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Once {
        Once(request, false)
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures on the clock of the wall")]
fn measure<S>(c: &mut Criterion, group: &str, name: &str, mut service: S)
where
    S: Service<u64, Response = u64>,
    S::Error: std::fmt::Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    c.benchmark_group(group).bench_function(name, |b| {
        b.iter_custom(|iterations| {
            runtime.block_on(async {
                let start = Instant::now();
                for i in 0..iterations {
                    let service = ServiceExt::<u64>::ready(&mut service).await.expect("ready");
                    black_box(service.call(black_box(i)).await.expect("answered"));
                }
                start.elapsed()
            })
        });
    });
}

fn breaker(window: Window) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().window(window)).name("bench")
}

fn quota() -> RateLimitLayer {
    RateLimitLayer::new(Quota::per_second(1_000_000_000).burst(1_000_000)).name("bench")
}

fn retry() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default()).name("bench")
}

fn at_once(c: &mut Criterion) {
    // tower's RateLimit makes its timer at once.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let group = "inner ready at once";
    measure(c, group, "bare", AtOnce);
    measure(c, group, "breaker, last 100 calls", breaker(Window::last_calls(100)).layer(AtOnce));
    measure(c, group, "breaker, 10 s", breaker(Window::time(Duration::from_secs(10))).layer(AtOnce));
    measure(c, group, "bulkhead", BulkheadLayer::new(64).name("bench").layer(AtOnce));
    measure(c, group, "rate limit", quota().layer(AtOnce));
    measure(c, group, "retry with budget", retry().layer(AtOnce));
    measure(c, group, "timeout", TimeoutLayer::new(LONG).name("bench").layer(AtOnce));
    let five = ServiceBuilder::new()
        .layer(retry())
        .layer(breaker(Window::time(Duration::from_secs(10))))
        .layer(BulkheadLayer::new(64).name("bench"))
        .layer(quota())
        .layer(TimeoutLayer::new(LONG).name("bench"))
        .service(AtOnce);
    measure(c, group, "five stacked", five);
    measure(c, group, "client_stack", client_stack("bench").layer(AtOnce));
    measure(c, group, "tower ConcurrencyLimit", tower::limit::ConcurrencyLimitLayer::new(64).layer(AtOnce));
    measure(c, group, "tower Timeout", tower::timeout::TimeoutLayer::new(LONG).layer(AtOnce));
    measure(
        c,
        group,
        "tower RateLimit",
        tower::limit::RateLimitLayer::new(1_000_000_000, Duration::from_secs(1)).layer(AtOnce),
    );
    measure(c, group, "tower Retry", tower::retry::RetryLayer::new(Never).layer(AtOnce));
}

fn pending_once(c: &mut Criterion) {
    let group = "inner pending once";
    measure(c, group, "bare", PendingOnce);
    measure(c, group, "breaker, 10 s", breaker(Window::time(Duration::from_secs(10))).layer(PendingOnce));
    measure(c, group, "timeout", TimeoutLayer::new(LONG).name("bench").layer(PendingOnce));
    measure(c, group, "client_stack", client_stack("bench").layer(PendingOnce));
    measure(c, group, "tower Timeout", tower::timeout::TimeoutLayer::new(LONG).layer(PendingOnce));
}

/// A retry policy of tower's that never repeats.
#[derive(Clone)]
struct Never;

impl<Res, E> tower::retry::Policy<u64, Res, E> for Never {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, _: &mut Result<Res, E>) -> Option<Ready<()>> {
        None
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = at_once, pending_once
}
criterion_main!(benches);
