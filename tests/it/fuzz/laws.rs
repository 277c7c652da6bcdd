//! What holds of every engine at any moment: DESIGN, "laws".

use buttress::{Bulkhead, CircuitBreaker, KeyedRateLimiter, RateLimiter, Retry, RetryBudget, Timeout};

pub fn breaker(breaker: &CircuitBreaker) {
    let s = breaker.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    let ended = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
    assert_eq!(s.admitted, ended + s.in_flight, "{s:?}");
    assert!(s.panicked <= s.cancelled + s.failed && s.not_ready <= s.rejected, "{s:?}");
    let calls = breaker.config().trial_calls;
    assert!(s.trials_in_flight + s.trials_succeeded + s.trials_failed <= calls, "{s:?}");
    assert!(u64::from(s.trials_in_flight) <= s.in_flight && s.episodes <= s.opened, "{s:?}");
    assert!(s.failures <= s.recorded && s.slow_calls <= s.recorded, "{s:?}");
}

pub fn bulkhead(bulkhead: &Bulkhead) {
    let s = bulkhead.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    assert_eq!(s.admitted, s.completed + s.cancelled + s.in_flight, "{s:?}");
    assert_eq!(s.rejected, s.full + s.queue_full + s.queue_timeout + s.not_ready, "{s:?}");
    assert!(s.panicked <= s.cancelled && s.would_reject <= s.admitted, "{s:?}");
}

pub fn rate_limit(limiter: &RateLimiter) {
    let s = limiter.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    assert_eq!(s.rejected, s.rate_limited + s.cost_above_burst + s.not_ready, "{s:?}");
    let peek = limiter.peek();
    assert!(peek.remaining <= peek.limit && peek.next_cell <= peek.reset, "{peek:?}");
}

pub fn keyed_rate_limit(limiter: &KeyedRateLimiter) {
    let s = limiter.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    assert_eq!(s.rejected, s.rate_limited + s.cost_above_burst + s.not_ready, "{s:?}");
    assert!(s.unlimited <= s.admitted, "{s:?}");
}

pub fn retry(retry: &Retry) {
    let s = retry.snapshot();
    assert_eq!(s.attempts, s.calls + s.retries, "{s:?}");
    let ended =
        s.recovered + s.not_repeatable + s.attempts_exhausted + s.budget_exhausted + s.deadline + s.rejected;
    assert!(ended <= s.calls, "{s:?}");
    retry.budget().iter().for_each(budget);
}

pub fn budget(budget: &RetryBudget) {
    let s = budget.snapshot();
    assert!(s.available >= 0.0 && s.available <= s.capacity.into(), "{s:?}");
    assert!(s.returned <= s.withdrawn, "{s:?}");
}

pub fn timeout(timeout: &Timeout) {
    let s = timeout.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    assert!(s.timed_out + s.cut_short + s.stalled <= s.admitted, "{s:?}");
}
