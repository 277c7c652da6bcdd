//! Above and below tower's own stateful services.

use std::time::Duration;

use buttress::{
    BoxError, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Fault, Quota, RateLimitLayer,
    RetryLayer, RetryPolicy, TimeoutLayer, client_stack,
};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::load_shed::LoadShed;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::support::{Strict, call};

async fn hundred_calls<S>(mut service: S)
where
    S: Service<u64, Response = u64, Error: std::fmt::Debug>,
{
    for request in 0..100 {
        assert_eq!(call(&mut service, request).await.unwrap(), request);
    }
}

/// A service of tower's own below, in turn; the error type is the box they share.
fn below() -> [tower::util::BoxCloneService<u64, u64, BoxError>; 3] {
    let strict = || Strict::ok().0.map_err(BoxError::from);
    [
        Buffer::new(strict(), 1).boxed_clone(),
        ConcurrencyLimit::new(strict(), 1).boxed_clone(),
        LoadShed::new(strict()).boxed_clone(),
    ]
}

#[tokio::test(start_paused = true)]
async fn co_02_over_towers_stateful_services() {
    let quota = Quota::per_second(1_000);
    for inner in below() {
        hundred_calls(TimeoutLayer::new(Duration::from_secs(1)).layer(inner)).await;
    }
    for inner in below() {
        hundred_calls(CircuitBreakerLayer::new(CircuitBreakerConfig::default()).layer(inner)).await;
    }
    for inner in below() {
        hundred_calls(BulkheadLayer::new(1).layer(inner)).await;
    }
    for inner in below() {
        hundred_calls(BulkheadLayer::new(1).queue(1, Duration::from_secs(1)).layer(inner)).await;
    }
    for inner in below() {
        hundred_calls(RateLimitLayer::new(quota).layer(inner)).await;
    }
    for inner in below() {
        hundred_calls(RateLimitLayer::new(quota).wait(Duration::from_secs(1)).layer(inner)).await;
    }
    for inner in below() {
        hundred_calls(RetryLayer::new(RetryPolicy::default()).layer(inner)).await;
    }
    for inner in below() {
        hundred_calls(client_stack("below").layer(inner)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn co_02_under_towers_stateful_services() {
    let stack = || client_stack("above").layer(Strict::ok().0.map_err(BoxError::from));
    hundred_calls(Buffer::new(stack(), 1)).await;
    hundred_calls(ConcurrencyLimit::new(stack(), 1)).await;
    hundred_calls(LoadShed::new(stack())).await;
    let optional = ServiceBuilder::new().option_layer(Some(client_stack("optional"))).service(Strict::ok().0);
    hundred_calls(optional).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_leaves_a_buffer_alive() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let breaker = layer.breaker();
    let mut service = Buffer::new(layer.layer(Strict::ok().0), 4);
    breaker.isolate();
    for _ in 0..20 {
        let error = call(&mut service, 1).await.unwrap_err();
        assert!(error.as_rejected().is_some(), "{error}");
    }
    breaker.automatic();
    assert_eq!(call(&mut service, 2).await.unwrap(), 2);
}
