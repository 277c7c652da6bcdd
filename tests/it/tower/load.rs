//! A layer is as loaded as what it wraps.

use std::task::{Context, Poll};
use std::time::Duration;

use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Cloned, FallbackLayer, Quota, RateLimitLayer,
    RetryLayer, RetryPolicy, TimeoutLayer, client_stack,
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
}
