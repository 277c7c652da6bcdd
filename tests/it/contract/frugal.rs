//! Nothing is allocated for an admitted call.

use std::task::Poll;

use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Quota, RateLimitLayer,
    RetryLayer, RetryPolicy, TimeoutLayer,
};
use tower::{Layer, Service};

use super::checks::Subject;
use crate::support::alloc::allocations;
use crate::support::{Act, Strict, now, poll_once, poll_ready};

pub fn an_admitted_call_allocates_nothing<L: Subject>(make: impl Fn() -> L) {
    let (inner, _probe) = Strict::ok();
    let mut service = make().layer(inner);
    // The first calls may fill what is made once per process or thread.
    for request in 0..10 {
        now(&mut service, request).unwrap();
    }
    let count = allocations(|| {
        for request in 0..1_000 {
            now(&mut service, request).unwrap();
        }
    });
    assert_eq!(count, 0);
}

/// What is noted, made and begun when the answer is not there at once.
pub fn a_call_that_waits_for_its_answer_allocates_nothing<L: Subject>(make: impl Fn() -> L) {
    let (inner, _probe) = Strict::always(Act::Yield(1));
    let mut service = make().layer(inner);
    let mut once = |request| {
        assert!(poll_ready(&mut service).is_ready());
        let mut future = std::pin::pin!(service.call(request));
        assert!(poll_once(future.as_mut()).is_pending());
        assert_eq!(poll_once(future.as_mut()), Poll::Ready(Ok(request)));
    };
    (0..10).for_each(&mut once);
    assert_eq!(allocations(|| (0..1_000).for_each(&mut once)), 0);
}

/// How often a layer allocates for each service that it makes. axum makes one per route, per connection, and more.
fn per_service(layer: &impl Layer<Strict>) -> u64 {
    let (inner, _probe) = Strict::ok();
    let make = || drop(layer.layer(inner.clone()));
    // What is made once per process or thread.
    (0..10).for_each(|_| make());
    let count = allocations(|| (0..100).for_each(|_| make()));
    assert_eq!(count % 100, 0);
    count / 100
}

#[test]
fn making_a_service_allocates_no_more_than_what_its_calls_share() {
    let (config, quota, second) =
        (CircuitBreakerConfig::default, Quota::per_second(1), std::time::Duration::from_secs(1));
    let key = |request: &u64| Some(*request);
    assert_eq!(per_service(&TimeoutLayer::new(second)), 0);
    assert_eq!(per_service(&BulkheadLayer::new(1)), 0);
    assert_eq!(per_service(&BulkheadLayer::per_key(1, key)), 0);
    assert_eq!(per_service(&CircuitBreakerLayer::new(config())), 0);
    assert_eq!(per_service(&CircuitBreakerLayer::new(config()).backpressure()), 0);
    assert_eq!(per_service(&CircuitBreakerLayer::per_key(config(), key)), 0);
    assert_eq!(per_service(&RateLimitLayer::new(quota)), 0);
    assert_eq!(per_service(&RateLimitLayer::per_key(quota, key)), 0);
    // A spare clone of the inner service, that all clones of this one share.
    assert_eq!(per_service(&BulkheadLayer::new(1).queue(1, second)), 1);
    assert_eq!(per_service(&BulkheadLayer::per_key(1, key).queue(1, second)), 1);
    assert_eq!(per_service(&RateLimitLayer::new(quota).wait(second)), 1);
    // What calls count one reference for, in place of several.
    assert_eq!(per_service(&FallbackLayer::value(0_u64)), 1);
    assert_eq!(per_service(&FallbackLayer::service(Strict::ok().0)), 1);
    assert_eq!(per_service(&RetryLayer::new(RetryPolicy::default())), 2, "and a spare clone");
}
