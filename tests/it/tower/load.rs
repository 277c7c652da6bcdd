//! A layer is as loaded as what it wraps.

use std::task::{Context, Poll};
use std::time::Duration;

use buttress::{
    Bulkhead, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Cloned, FallbackLayer, Quota,
    RateLimitLayer, RetryLayer, RetryPolicy, TimeoutLayer, client_stack,
};

use buttress::http::{
    ExemptLayer, InheritDeadlineLayer, PeekTrailersLayer, ProblemJsonLayer, PropagateLayer,
    RefuseRepeatsLayer, ReplayBodyLayer,
};
use tower::load::Load;
use tower::{Layer, Service};

use crate::support::strict::Probe;
use crate::support::{Act, Strict, poll_once, poll_ready};

/// As loaded as calls are in flight. tower's own services of this kind are not `Clone`, as some layers ask.
#[derive(Clone)]
struct Tracked(Strict, Probe);

impl Load for Tracked {
    type Metric = u64;

    fn load(&self) -> u64 {
        self.1.in_flight()
    }
}

impl Service<u64> for Tracked {
    type Response = u64;
    type Error = <Strict as Service<u64>>::Error;
    type Future = <Strict as Service<u64>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.0.call(request)
    }
}

/// A call that hangs below the layer is load above it.
fn forwards<L>(layer: L)
where
    L: Layer<Tracked>,
    L::Service: Service<u64> + Load<Metric = u64>,
{
    let (inner, probe) = Strict::always(Act::Hang);
    let mut service = layer.layer(Tracked(inner, probe));
    assert_eq!(service.load(), 0);
    assert!(poll_ready(&mut service).is_ready());
    let mut call = Box::pin(service.call(1));
    assert!(poll_once(call.as_mut()).is_pending());
    assert_eq!(service.load(), 1);
    drop(call);
    assert_eq!(service.load(), 0);
}

#[tokio::test(start_paused = true)]
async fn every_service_forwards_the_load_of_what_it_wraps() {
    let second = Duration::from_secs(1);
    let quota = Quota::per_second(10);
    forwards(CircuitBreakerLayer::new(CircuitBreakerConfig::default()));
    forwards(BulkheadLayer::new(1));
    forwards(BulkheadLayer::new(1).queue(1, second));
    forwards(RateLimitLayer::new(quota));
    forwards(RateLimitLayer::new(quota).wait(second));
    forwards(RateLimitLayer::per_key(quota, |request: &u64| Some(*request)));
    forwards(RetryLayer::new(RetryPolicy::default()).repeat(Cloned));
    forwards(TimeoutLayer::new(second));
    forwards(FallbackLayer::value(0));
    forwards(FallbackLayer::service(Strict::ok().0));
    forwards(client_stack("loaded"));
    forwards(ExemptLayer::when(TimeoutLayer::new(second), |_: &u64| false));
    forwards(ExemptLayer::when(TimeoutLayer::new(second), |_: &u64| true));
    let key = |request: &u64| Some(*request);
    forwards(CircuitBreakerLayer::per_key(CircuitBreakerConfig::default(), key));
    forwards(BulkheadLayer::per_key(1, key));
    forwards(BulkheadLayer::per_key(1, key).queue(1, second));
}

/// The same for a layer whose requests are not numbers.
fn forwards_over_http<L>(layer: L)
where
    L: Layer<Tracked, Service: Load<Metric = u64>>,
{
    let (inner, probe) = Strict::always(Act::Hang);
    let mut inner = Tracked(inner, probe);
    let service = layer.layer(inner.clone());
    assert!(poll_ready(&mut inner).is_ready());
    let call = inner.call(1);
    assert_eq!(service.load(), 1);
    drop(call);
    assert_eq!(service.load(), 0);
}

#[test]
fn every_service_for_http_forwards_it_too() {
    let key = |request: &http::Request<u64>| Some(*request.body());
    let limit = RateLimitLayer::new(Quota::per_second(10));
    let breaker = CircuitBreakerConfig::default();
    forwards_over_http(CircuitBreakerLayer::new(breaker.clone()).until_body_end());
    forwards_over_http(CircuitBreakerLayer::per_key(breaker, key).until_body_end());
    forwards_over_http(BulkheadLayer::new(1).until_body_end());
    forwards_over_http(BulkheadLayer::per_key(1, key).queue(1, Duration::from_secs(1)).until_body_end());
    forwards_over_http(limit.headers("loaded"));
    forwards_over_http(InheritDeadlineLayer::new());
    forwards_over_http(PropagateLayer::new());
    forwards_over_http(RefuseRepeatsLayer::new(Bulkhead::new(1)));
    forwards_over_http(PeekTrailersLayer::new());
    forwards_over_http(ProblemJsonLayer::new());
    forwards_over_http(ReplayBodyLayer::new());
}
