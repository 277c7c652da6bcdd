//! The cost of one admitted call, beside the bare service and tower's own layers.
//!
//! `cargo bench --bench overhead`. Take differences within one run; machines are noisy.

#![allow(missing_docs, reason = "criterion's macros make public items")]

mod support;
mod timed;

use std::future::Ready;
use std::time::Duration;

use buttress::{client_stack, server_stack};
use criterion::{Criterion, criterion_group, criterion_main};
use support::{AtOnce, Error, LONG, PendingOnce};
use timed::measure;
use tower::{Layer, Service, ServiceExt};

fn at_once(c: &mut Criterion) {
    let group = "inner ready at once";
    measure(c, group, "breaker, last 100 calls", support::last_calls().layer(AtOnce));
    let per_key = support::per_key(support::PLENTY).layer(AtOnce);
    measure(c, group, "rate limit per key, 1,000 keys", per_key.map_request(|request| request % 1_000));
    let breakers = support::breaker_per_key().layer(AtOnce);
    measure(c, group, "breaker per key, 16 keys", breakers.map_request(|request| request % 16));
    let bulkheads = support::bulkhead_per_key().layer(AtOnce);
    measure(c, group, "bulkhead per key, 16 keys", bulkheads.map_request(|request| request % 16));
    each(c, group, AtOnce);
}

fn pending_once(c: &mut Criterion) {
    each(c, "inner pending once", PendingOnce);
}

fn each<S>(c: &mut Criterion, group: &str, inner: S)
where
    S: Service<u64, Response = u64, Error = Error> + Clone,
{
    let inner = || inner.clone();
    measure(c, group, "bare", inner());
    measure(c, group, "breaker, 10 s", support::ten_seconds().layer(inner()));
    measure(c, group, "bulkhead", support::bulkhead().layer(inner()));
    measure(c, group, "bulkhead with a queue", support::queued().layer(inner()));
    measure(c, group, "rate limit", support::rate_limit().layer(inner()));
    measure(c, group, "rate limit that waits", support::waiting().layer(inner()));
    measure(c, group, "retry with budget", support::retry().layer(inner()));
    measure(c, group, "timeout", support::timeout().layer(inner()));
    measure(c, group, "fallback", support::fallback().layer(inner()));
    measure(c, group, "five stacked", support::five(inner()));
    measure(c, group, "client_stack", client_stack("bench").layer(inner()));
    measure(c, group, "server_stack", server_stack("bench").layer(inner()));
    towers_own(c, group, inner);
}

fn towers_own<S>(c: &mut Criterion, group: &str, inner: impl Fn() -> S)
where
    S: Service<u64, Response = u64, Error = Error> + Clone,
{
    use tower::{limit, retry, timeout};

    // Its RateLimit makes a timer when it is made.
    let runtime = support::runtime();
    let _entered = runtime.enter();
    let per_second = limit::RateLimitLayer::new(1_000_000_000, Duration::from_secs(1));
    measure(c, group, "tower ConcurrencyLimit", limit::ConcurrencyLimitLayer::new(64).layer(inner()));
    measure(c, group, "tower RateLimit", per_second.layer(inner()));
    measure(c, group, "tower Retry", retry::RetryLayer::new(Never).layer(inner()));
    measure(c, group, "tower Timeout", timeout::TimeoutLayer::new(LONG).layer(inner()));
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
    config = timed::criterion();
    targets = at_once, pending_once
}
criterion_main!(benches);
