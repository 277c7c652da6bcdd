//! What holds of every engine at any moment.

#[path = "../../support/laws.rs"]
#[allow(dead_code, reason = "it serves other tests as well")]
mod shared;

use buttress::registry::Engine;
use buttress::{CircuitBreaker, RateLimiter, Retry};

pub fn hold(engine: impl Into<Engine>) {
    assert_eq!(shared::broken(&engine.into().snapshot()), None);
}

pub fn breaker(breaker: &CircuitBreaker) {
    hold(breaker.clone());
    let s = breaker.snapshot();
    let calls = breaker.config().trial_calls;
    assert!(s.trials_in_flight + s.trials_succeeded + s.trials_failed <= calls, "{s:?}");
}

pub fn rate_limit(limiter: &RateLimiter) {
    hold(limiter.clone());
    let peek = limiter.peek();
    assert!(peek.remaining <= peek.limit && peek.next_cell <= peek.reset, "{peek:?}");
}

pub fn retry(retry: &Retry) {
    hold(retry.clone());
    retry.budget().into_iter().for_each(hold);
}
