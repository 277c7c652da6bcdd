//! Ours, as users have it: default features, named, with its counters, and in the registry.

use std::time::Duration;

use ::buttress::circuit_breaker::Window;
use ::buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Quota, RateLimitLayer, RetryLayer, RetryPolicy,
    TimeoutLayer, client_stack,
};
use tower::{Layer, Service, ServiceBuilder};

use super::kit::{above, full, layered, refusing};
use super::{BURST, CALLS, CONCURRENT, KEYS, LONG, Maker, RATE, Subject, WINDOW};
use crate::measure::{answered, runtime};
use crate::work::{AtOnce, Fails, Hangs, PendingOnce};
use crate::{alloc, measure};

const NAME: &str = "peers";

fn breaker(config: CircuitBreakerConfig) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(config).name(NAME)
}

pub fn defaults() -> CircuitBreakerLayer {
    breaker(CircuitBreakerConfig::default())
}

pub fn opening_for(open: Duration) -> CircuitBreakerLayer {
    breaker(CircuitBreakerConfig::default().open_time(open))
}

pub fn last(calls: u32) -> CircuitBreakerLayer {
    breaker(CircuitBreakerConfig::default().window(Window::last_calls(calls)))
}

pub fn time(window: Duration) -> CircuitBreakerLayer {
    breaker(CircuitBreakerConfig::default().window(Window::time(window)))
}

fn quota() -> Quota {
    Quota::per_second(RATE).burst(BURST)
}

fn rate() -> RateLimitLayer {
    RateLimitLayer::new(quota()).name(NAME)
}

fn retry_layer() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default()).name(NAME)
}

fn timeout_layer() -> TimeoutLayer {
    TimeoutLayer::new(LONG).name(NAME)
}

fn ours<S>(service: S) -> Subject
where
    S: Service<u64, Error: std::fmt::Debug> + 'static,
{
    layered(Maker::Buttress, "", service)
}

pub fn breaker_last() -> Subject {
    ours(last(CALLS).layer(AtOnce))
}

pub fn breaker_time() -> Subject {
    ours(time(WINDOW).layer(AtOnce))
}

pub fn bulkhead() -> Subject {
    ours(BulkheadLayer::new(CONCURRENT).name(NAME).layer(AtOnce))
}

pub fn rate_limit() -> Subject {
    ours(rate().layer(AtOnce))
}

pub fn retry() -> Subject {
    ours(retry_layer().layer(AtOnce))
}

pub fn timeout() -> Subject {
    ours(timeout_layer().layer(AtOnce))
}

pub fn timeout_pending() -> Subject {
    let service = timeout_layer().layer(PendingOnce);
    let future = above::<_, _, u64>(&service, &PendingOnce);
    Subject::new(Maker::Buttress, "", answered(service)).future(future)
}

pub fn five() -> Subject {
    let service = ServiceBuilder::new()
        .layer(retry_layer())
        .layer(time(WINDOW))
        .layer(BulkheadLayer::new(CONCURRENT).name(NAME))
        .layer(rate())
        .layer(timeout_layer())
        .service(AtOnce);
    ours(service)
}

pub fn stack() -> Subject {
    Subject { what: "client_stack", ..ours(client_stack(NAME).layer(AtOnce)) }
        .note("two timeouts, retry with budget, breaker, bulkhead, rate limit; as it comes")
}

pub fn per_key() -> Subject {
    // At this rate a key is as good as unused at once, and unused keys give way when the table is over half full.
    let most = 2 * KEYS as usize;
    let (layer, memory) = alloc::count(|| {
        let layer = RateLimitLayer::per_key(quota(), |key: &u64| Some(*key)).name(NAME).max_keys(most);
        let mut service = layer.layer(AtOnce);
        runtime().block_on(async {
            for key in 0..KEYS {
                let answer = tower::ServiceExt::ready(&mut service).await.expect("ready").call(key).await;
                answer.expect("admitted");
            }
        });
        layer
    });
    assert_eq!(layer.limiter().len() as u64, KEYS, "it knows all keys");
    let service = layer.layer(AtOnce);
    let future = above::<_, _, u64>(&service, &AtOnce);
    let mut subject = Subject::new(Maker::Buttress, "per_key", measure::requests(service, super::kit::key));
    subject.per_key = Some(memory.kept() as f64 / KEYS as f64);
    subject.future(future).note("bounded: max_keys, here twice as many")
}

pub fn breaker_last_by_two() -> Subject {
    let service = last(CALLS).layer(AtOnce);
    Subject::by_two(Maker::Buttress, "", move || answered(service))
}

pub fn breaker_time_by_two() -> Subject {
    let service = time(WINDOW).layer(AtOnce);
    Subject::by_two(Maker::Buttress, "", move || answered(service))
}

pub fn breaker_open() -> Subject {
    let config = CircuitBreakerConfig::default().open_time(LONG).open_time_cap(LONG);
    refusing(Maker::Buttress, "", breaker(config).layer(Fails), CALLS)
}

pub fn bulkhead_full() -> Subject {
    let service = BulkheadLayer::new(1).name(NAME).layer(Hangs);
    full(Maker::Buttress, "", service.clone(), service)
}

pub fn rate_limit_empty() -> Subject {
    refusing(Maker::Buttress, "", RateLimitLayer::new(Quota::every(LONG)).name(NAME).layer(AtOnce), 1)
}
