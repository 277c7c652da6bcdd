//! A task that has used up tokio's cooperative budget finds resources of tokio's pending that are there. Whoever decided by
//! one would refuse calls for which there is room.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use buttress::{
    BoxError, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Quota, RateLimitLayer, RetryLayer,
    RetryPolicy, TimeoutLayer, client_stack,
};
use tower::buffer::Buffer;
use tower::load_shed::LoadShed;
use tower::{Layer, Service};

use crate::support::{Fail, Strict, call};

/// Uses up what is left of this poll's budget, and goes on in the same poll.
async fn exhaust() {
    poll_fn(|cx| {
        while pin!(tokio::task::consume_budget()).poll(cx).is_ready() {}
        Poll::Ready(())
    })
    .await;
    assert!(!tokio::task::coop::has_budget_remaining());
}

async fn refuses_nobody<S>(what: &str, service: S)
where
    S: Service<u64, Response = u64, Error: Into<BoxError> + Send + Sync, Future: Send> + Send + 'static,
{
    let mut service = LoadShed::new(service);
    for request in 0..1_000 {
        exhaust().await;
        let result = call(&mut service, request).await;
        assert!(matches!(result, Ok(answer) if answer == request), "{what}: {result:?}");
    }
    let mut service = Buffer::new(service, 1);
    for request in 0..1_000 {
        exhaust().await;
        let result = call(&mut service, request).await;
        assert!(matches!(result, Ok(answer) if answer == request), "{what} in a buffer: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_used_up_budget_of_the_task_rejects_nobody() {
    fn over<L: Layer<Strict, Service: Service<u64, Error = Fail>>>(layer: L) -> L::Service {
        layer.layer(Strict::ok().0)
    }
    let (config, second) = (CircuitBreakerConfig::default, Duration::from_secs(1));
    let plenty = Quota::per_second(1_000_000);
    let key = |_: &u64| Some(1_u64);
    refuses_nobody("bulkhead", over(BulkheadLayer::new(1))).await;
    refuses_nobody("queue", over(BulkheadLayer::new(1).queue(1, second))).await;
    refuses_nobody("bulkhead per key", over(BulkheadLayer::per_key(1, key))).await;
    refuses_nobody("queue per key", over(BulkheadLayer::per_key(1, key).queue(1, second))).await;
    refuses_nobody("breaker", over(CircuitBreakerLayer::new(config()))).await;
    refuses_nobody("backpressure", over(CircuitBreakerLayer::new(config()).backpressure())).await;
    refuses_nobody("breaker per key", over(CircuitBreakerLayer::per_key(config(), key))).await;
    refuses_nobody("rate limit", over(RateLimitLayer::new(plenty))).await;
    refuses_nobody("rate limit that waits", over(RateLimitLayer::new(plenty).wait(second))).await;
    refuses_nobody("rate limit per key", over(RateLimitLayer::per_key(plenty, key))).await;
    refuses_nobody("retry", over(RetryLayer::new(RetryPolicy::default()))).await;
    refuses_nobody("timeout", over(TimeoutLayer::new(second))).await;
    refuses_nobody("stack", over(client_stack("cooperative"))).await;
}
