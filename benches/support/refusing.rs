//! The layers when they refuse.

use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::{
    BudgetConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState,
    KeyedRateLimitLayer, Quota, RateLimitLayer, RetryLayer, RetryPolicy, Verdict,
};

use super::layers::{Itself, LONG, per_key};

const SPENT: Quota = Quota::per_hour(1);

/// Open since it saw nothing but failures, and for as long as the bench takes.
pub(crate) fn open() -> CircuitBreakerLayer {
    let config = CircuitBreakerConfig::default().window(Window::last_calls(100)).min_calls(100);
    let layer = CircuitBreakerLayer::new(config.open_time(LONG).open_time_cap(LONG)).name("bench");
    let breaker = layer.breaker();
    for _ in 0..100 {
        breaker.try_admit().expect("closed").settle(Verdict::failure("broken"));
    }
    assert_eq!(breaker.state(), CircuitState::Open);
    layer
}

pub(crate) fn full() -> BulkheadLayer {
    let layer = BulkheadLayer::new(1).name("bench");
    std::mem::forget(layer.bulkhead().try_admit().expect("room"));
    layer
}

pub(crate) fn drained() -> RateLimitLayer {
    let layer = RateLimitLayer::new(SPENT).name("bench");
    layer.limiter().try_admit().expect("one call an hour");
    layer
}

/// For the first `keys` keys.
pub(crate) fn drained_per_key(keys: u64) -> KeyedRateLimitLayer<Itself> {
    let layer = per_key(SPENT);
    for key in 0..keys {
        layer.limiter().try_admit(&key).expect("one call an hour");
    }
    layer
}

/// Its budget is spent and earns nothing, so a call that failed is not repeated.
pub(crate) fn no_budget() -> RetryLayer {
    let spent = BudgetConfig::default().ratio(0.0).per_second(0.0).capacity(1);
    let layer = RetryLayer::new(RetryPolicy::default().budget(spent)).name("bench");
    assert!(layer.retry().budget().expect("it has one").try_withdraw());
    layer
}
