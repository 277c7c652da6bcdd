//! Every layer in every mode, and tower's own services, each around any service.

use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::registry::Engine;
use buttress::{
    BoxError, BulkheadLayer, ByType, CircuitBreakerConfig, CircuitBreakerLayer, Cloned, FallbackLayer,
    Fallen, Quota, RateLimitLayer, RetryLayer, RetryPolicy, TimeoutLayer, Verdict, client_stack,
    server_stack,
};
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::discover::ServiceList;
use tower::limit::{ConcurrencyLimit, RateLimit, rate::Rate};
use tower::load::{CompleteOnResponse, PeakEwma, PendingRequests};
use tower::load_shed::LoadShed;
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt};

use crate::support::strict::Probe;
use crate::support::{Fail, Strict, TestError};
use crate::tally::Seen;
use crate::traffic::bottom;

pub type Boxed = BoxCloneService<u64, u64, Fail>;

/// A stack in the making.
#[derive(Default)]
pub struct Built {
    pub engines: Vec<Engine>,
    /// The modes that they are part of.
    pub owners: Vec<&'static str>,
    pub seen: Seen,
    /// Of the service at the bottom, and of those that fallbacks ask.
    pub probes: Vec<Probe>,
    /// A worker task calls what is below: a panic there ends it, as is said in tower's docs.
    pub has_worker: bool,
}

/// A mode, and what it is called; the name is for the engine.
pub type Mode = (&'static str, fn(&mut Built, &'static str, Boxed) -> Boxed);

const MS: Duration = Duration::from_millis(1);
/// Little enough that calls are refused, and wait.
pub const QUOTA: Quota = Quota::per_second(20).burst(8);
/// What fallbacks answer.
pub const FALLEN: u64 = u64::MAX;

/// Of each kind of layer one, in its plainest mode, and the waiting ones. Stacks are made of these.
pub const BASE: [&str; 11] = [
    "timeout",
    "breaker by time",
    "breaker by key",
    "bulkhead",
    "bulkhead by key",
    "bulkhead with a queue",
    "rate limit",
    "rate limit that waits",
    "rate limit by key",
    "retry",
    "fallback to a value",
];

/// Puts the layer around a service, and keeps its engine.
macro_rules! mode {
    ($name:literal, $kind:ident, $layer:expr, $handle:ident) => {
        ($name, |built, name, inner| {
            let layer = $layer.name(name);
            built.engines.push(Engine::$kind(layer.$handle()));
            BoxCloneService::new(layer.layer(inner))
        })
    };
}

fn breaker() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().min_calls(20).trial_calls(2).trial_successes(2).trial_timeout(300 * MS)
}

fn to_service(built: &mut Built) -> FallbackLayer<buttress::fallback::ToService<Strict>> {
    let (other, probe) = bottom(&built.seen);
    built.probes.push(probe);
    FallbackLayer::service(other)
}

pub const ALL: &[Mode] = &[
    mode!("timeout", Timeout, TimeoutLayer::new(200 * MS), timeout),
    mode!("breaker by time", CircuitBreaker, CircuitBreakerLayer::new(breaker()), breaker),
    mode!(
        "breaker by calls",
        CircuitBreaker,
        CircuitBreakerLayer::new(breaker().window(Window::last_calls(50))),
        breaker
    ),
    mode!(
        "breaker by slow calls",
        CircuitBreaker,
        CircuitBreakerLayer::new(breaker().slow_call_duration(30 * MS).slow_call_rate(0.5)),
        breaker
    ),
    mode!(
        "breaker with backpressure",
        CircuitBreaker,
        CircuitBreakerLayer::new(breaker()).backpressure(),
        breaker
    ),
    mode!("bulkhead", Bulkhead, BulkheadLayer::new(4), bulkhead),
    mode!("bulkhead with a queue", Bulkhead, BulkheadLayer::new(2).queue(4, 100 * MS), bulkhead),
    mode!("rate limit", RateLimiter, RateLimitLayer::new(QUOTA), limiter),
    mode!("rate limit that waits", RateLimiter, RateLimitLayer::new(QUOTA).wait(100 * MS), limiter),
    mode!(
        "rate limit by cost",
        RateLimiter,
        RateLimitLayer::new(QUOTA).cost(|request: &u64| (request % 4) as u32),
        limiter
    ),
    mode!(
        "rate limit by key",
        KeyedRateLimiter,
        RateLimitLayer::per_key(QUOTA, |request: &u64| Some(request % 5)),
        limiter
    ),
    mode!(
        "breaker by key",
        KeyedCircuitBreaker,
        CircuitBreakerLayer::per_key(breaker(), |request: &u64| Some(request % 5)),
        breaker
    ),
    mode!(
        "bulkhead by key",
        KeyedBulkhead,
        BulkheadLayer::per_key(2, |request: &u64| Some(request % 5)),
        bulkhead
    ),
    mode!(
        "bulkhead by key with queues",
        KeyedBulkhead,
        BulkheadLayer::per_key(1, |request: &u64| Some(request % 5)).queue(2, 100 * MS),
        bulkhead
    ),
    ("retry", |built, name, inner| retry(built, RetryLayer::new(RetryPolicy::default()).name(name), inner)),
    ("retry of clones", |built, name, inner| {
        retry(built, RetryLayer::new(RetryPolicy::default()).name(name).repeat(Cloned), inner)
    }),
    mode!("fallback to a value", Fallback, FallbackLayer::value(FALLEN), fallback),
    mode!(
        "fallback to a closure",
        Fallback,
        FallbackLayer::with(|_: Fallen<u64, Fail>| Ok(FALLEN)),
        fallback
    ),
    ("fallback to a service", |built, name, inner| {
        let layer = to_service(built).name(name);
        built.engines.push(Engine::Fallback(layer.fallback()));
        BoxCloneService::new(layer.layer(inner))
    }),
    ("client stack", client),
    ("server stack", server),
    ("tower's buffer", |built, _, inner| buffered(built, inner)),
    ("tower's concurrency limit", |_, _, inner| BoxCloneService::new(ConcurrencyLimit::new(inner, 7))),
    ("tower's load shed", |_, _, inner| BoxCloneService::new(LoadShed::new(inner).map_err(unboxed))),
    ("tower's rate limit", |built, _, inner| buffered(built, RateLimit::new(inner, Rate::new(10, 10 * MS)))),
    ("tower's balance by pending requests", |built, _, inner| {
        let endpoint = || PendingRequests::new(inner.clone(), CompleteOnResponse::default());
        buffered(built, Balance::new(ServiceList::new([endpoint(), endpoint()])))
    }),
    ("tower's balance by peak EWMA", |built, _, inner| {
        let endpoint = || PeakEwma::new(inner.clone(), 10 * MS, 1e9, CompleteOnResponse::default());
        buffered(built, Balance::new(ServiceList::new([endpoint(), endpoint()])))
    }),
];

fn retry<C, P, S>(built: &mut Built, layer: RetryLayer<C, P>, inner: Boxed) -> Boxed
where
    RetryLayer<C, P>: Layer<Boxed, Service = S>,
    S: Service<u64, Response = u64, Error = Fail, Future: Send> + Clone + Send + 'static,
{
    let engine = layer.retry();
    built.engines.extend(engine.budget().map(Engine::RetryBudget));
    built.engines.push(Engine::Retry(engine));
    BoxCloneService::new(layer.layer(inner))
}

fn client(built: &mut Built, name: &'static str, inner: Boxed) -> Boxed {
    let fallback = FallbackLayer::value(FALLEN).classify(ByType).on(|_: &Verdict| false);
    let stack = client_stack(name).fallback(fallback).rate_limit(RateLimitLayer::new(QUOTA).wait(100 * MS));
    let retry = stack.retry.retry();
    built.engines.extend(retry.budget().map(Engine::RetryBudget));
    built.engines.extend([
        Engine::Fallback(stack.fallback.fallback()),
        Engine::Timeout(stack.total_timeout.timeout()),
        Engine::Retry(retry),
        Engine::CircuitBreaker(stack.circuit_breaker.breaker()),
        Engine::Bulkhead(stack.bulkhead.bulkhead()),
        Engine::RateLimiter(stack.rate_limit.limiter()),
        Engine::Timeout(stack.attempt_timeout.timeout()),
    ]);
    BoxCloneService::new(stack.layer(inner))
}

fn server(built: &mut Built, name: &'static str, inner: Boxed) -> Boxed {
    let stack = server_stack(name).bulkhead(BulkheadLayer::new(2).queue(4, 100 * MS));
    built.engines.extend([
        Engine::Timeout(stack.total_timeout.timeout()),
        Engine::Bulkhead(stack.bulkhead.bulkhead()),
    ]);
    BoxCloneService::new(stack.layer(inner))
}

/// What cannot be cloned, in a buffer.
fn buffered<S>(built: &mut Built, inner: S) -> Boxed
where
    S: Service<u64, Response = u64, Error: Into<BoxError> + Send + Sync, Future: Send> + Send + 'static,
{
    built.has_worker = true;
    BoxCloneService::new(Buffer::new(inner, 4).map_err(unboxed))
}

/// The error that is in the box; tower's own count as failures.
fn unboxed(error: BoxError) -> Fail {
    match error.downcast::<Fail>() {
        Ok(fail) => *fail,
        Err(_) => Fail::Inner(TestError(0)),
    }
}
