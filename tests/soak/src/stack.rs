//! What is put under load: all layers, and the handles of their engines.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use buttress::circuit_breaker::{Outage, Window};
use buttress::registry::{Engine, EngineSnapshot};
use buttress::{
    Backoff, BudgetConfig, Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig,
    CircuitBreakerLayer, Fallback, FallbackLayer, KeyedBulkhead, KeyedCircuitBreaker, KeyedRateLimiter,
    Overflow, Quota, RateLimitLayer, RateLimiter, RejectedKind, Retry, RetryBudget, RetryLayer, RetryPolicy,
    Timeout, TimeoutLayer, Verdict, client_stack,
};
use tower::{Layer, Service};

use crate::inner::{Counts, Fail, Inner};

pub const MS: Duration = Duration::from_millis(1);
/// What the fallback answers.
pub const FALLEN: u64 = u64::MAX;
/// More than the table of limits holds.
pub const KEYS: u64 = 20_000;
pub const MAX_KEYS: usize = 4_096;
/// So few that calls with the same one meet, and that they do not all find a place.
pub const SHARDS: u64 = 64;
pub const MAX_SHARDS: usize = 56;

pub trait Svc: Service<u64, Response = u64, Error = Fail, Future: Send> + Clone + Send + 'static {}
impl<S: Service<u64, Response = u64, Error = Fail, Future: Send> + Clone + Send + 'static> Svc for S {}

/// Outermost first.
#[derive(Clone, Debug)]
pub struct Engines {
    pub keyed: KeyedRateLimiter,
    pub circuits: KeyedCircuitBreaker,
    pub compartments: KeyedBulkhead,
    pub fallback: Fallback,
    pub total: Timeout,
    pub retry: Retry,
    pub budget: RetryBudget,
    pub breaker: CircuitBreaker,
    pub bulkhead: Bulkhead,
    pub limiter: RateLimiter,
    pub attempt: Timeout,
}

impl Engines {
    pub fn all(&self) -> [Engine; 11] {
        let all = self.clone();
        [
            Engine::KeyedRateLimiter(all.keyed),
            Engine::KeyedCircuitBreaker(all.circuits),
            Engine::KeyedBulkhead(all.compartments),
            Engine::Fallback(all.fallback),
            Engine::Timeout(all.total),
            Engine::Retry(all.retry),
            Engine::RetryBudget(all.budget),
            Engine::CircuitBreaker(all.breaker),
            Engine::Bulkhead(all.bulkhead),
            Engine::RateLimiter(all.limiter),
            Engine::Timeout(all.attempt),
        ]
    }

    pub fn snapshots(&self) -> Vec<EngineSnapshot> {
        self.all().iter().map(Engine::snapshot).collect()
    }

    /// The settings that it began with.
    pub fn configure(&self) {
        let set = "these settings are valid";
        self.keyed.set_quota(per_key()).expect(set);
        self.keyed.set_max_keys(MAX_KEYS).expect(set);
        self.keyed.set_overflow(Overflow::Share);
        self.circuits.set_config(breaker()).expect(set);
        self.circuits.set_max_keys(MAX_SHARDS).expect(set);
        self.circuits.set_overflow(Overflow::Share);
        self.compartments.set_limit(2).expect(set);
        self.compartments.set_queue(2, 5 * MS).expect(set);
        self.compartments.set_max_keys(MAX_SHARDS).expect(set);
        self.compartments.set_overflow(Overflow::Share);
        self.total.set_limit(50 * MS).expect(set);
        self.retry.set_policy(policy()).expect(set);
        self.breaker.set_config(breaker()).expect(set);
        self.bulkhead.set_limit(32).expect(set);
        self.bulkhead.set_queue(48, 5 * MS).expect(set);
        self.limiter.set_quota(quota()).expect(set);
        self.limiter.set_max_wait(2 * MS).expect(set);
        self.attempt.set_limit(10 * MS).expect(set);
    }
}

/// After so long without calls every limit allows its burst again, and idle keys have given way.
pub const REFILL: Duration = Duration::from_millis(20);

pub fn per_key() -> Quota {
    Quota::per_second(10_000).burst(100)
}

pub fn quota() -> Quota {
    Quota::per_second(2_000_000).burst(10_000)
}

pub fn budget() -> BudgetConfig {
    BudgetConfig::default().ratio(0.2).capacity(100)
}

pub fn policy() -> RetryPolicy {
    RetryPolicy::default().backoff(Backoff::exponential(MS).cap(4 * MS)).budget(budget())
}

/// Cancelled calls never count as failures, so that it can be told beforehand what counts as what.
pub fn breaker() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default()
        .window(Window::time(50 * MS))
        .outage(Outage::new(20, 2 * MS))
        .trial_timeout(20 * MS)
        .open_time(2 * MS)
        .open_time_cap(10 * MS)
        .cancelled_after(None)
}

/// The most cells that a call takes.
pub const MOST_CELLS: u64 = 7;

/// Three of a hundred calls weigh more than others, one of them nothing.
pub fn cost(request: &u64) -> u32 {
    match request / KEYS % 100 {
        96..99 => 2 + (request / KEYS / 100 % (MOST_CELLS - 1)) as u32,
        99 => 0,
        _ => 1,
    }
}

/// What the fallback answers for.
fn has_no_room(verdict: &Verdict) -> bool {
    matches!(verdict.rejected(), Some(RejectedKind::QueueFull | RejectedKind::QueueTimeout))
}

/// All but one in 16 have a key.
pub fn one_of(keys: u64) -> impl Fn(&u64) -> Option<u64> + Clone {
    move |request| Some(request % keys).filter(|key| !key.is_multiple_of(16))
}

pub fn build(counts: &Arc<Counts>) -> (Engines, impl Svc) {
    let limiter = RateLimitLayer::new(quota()).wait(2 * MS).cost({
        let counts = Arc::clone(counts);
        move |request: &u64| {
            counts.cells.fetch_add(cost(request).into(), SeqCst);
            cost(request)
        }
    });
    let keyed = RateLimitLayer::per_key(per_key(), one_of(KEYS));
    let keyed = keyed.name("soak/keys").max_keys(MAX_KEYS).cost(cost);
    let circuits = CircuitBreakerLayer::per_key(breaker(), one_of(SHARDS));
    let circuits = circuits.name("soak/circuits").max_keys(MAX_SHARDS);
    let compartments = BulkheadLayer::per_key(2, one_of(SHARDS)).queue(2, 5 * MS);
    let compartments = compartments.name("soak/compartments").max_keys(MAX_SHARDS);
    let stack = client_stack("soak")
        .fallback(FallbackLayer::value(FALLEN).on(has_no_room))
        .total_timeout(TimeoutLayer::new(50 * MS))
        .retry(RetryLayer::new(policy()))
        .circuit_breaker(CircuitBreakerLayer::new(breaker()))
        .bulkhead(BulkheadLayer::new(32).queue(48, 5 * MS))
        .rate_limit(limiter)
        .attempt_timeout(TimeoutLayer::new(10 * MS));
    let retry = stack.retry.retry();
    let engines = Engines {
        keyed: keyed.limiter(),
        circuits: circuits.breaker(),
        compartments: compartments.bulkhead(),
        fallback: stack.fallback.fallback(),
        total: stack.total_timeout.timeout(),
        budget: retry.budget().expect("the policy has one"),
        retry,
        breaker: stack.circuit_breaker.breaker(),
        bulkhead: stack.bulkhead.bulkhead(),
        limiter: stack.rate_limit.limiter(),
        attempt: stack.attempt_timeout.timeout(),
    };
    (engines, keyed.layer(circuits.layer(compartments.layer(stack.layer(Inner::of(counts))))))
}
