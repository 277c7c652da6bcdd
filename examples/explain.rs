//! What a stack is, before it is deployed: its layers, what they are set to, the worst case, known mistakes.

#![allow(clippy::print_stdout, reason = "it prints what it explains")]

use std::time::Duration;

use buttress::explain::explain;
use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, Quota, RateLimitLayer, RetryLayer, RetryPolicy,
    TimeoutLayer, client_stack,
};

fn main() {
    let stack = client_stack("payments")
        .owner("team-payments")
        .runbook("https://wiki/payments")
        .rate_limit(RateLimitLayer::new(Quota::per_second(500)))
        .attempt_timeout(TimeoutLayer::new(Duration::from_millis(500)));
    // Somebody changes it while it runs.
    stack.bulkhead.bulkhead().set_limit(32).expect("a limit above zero");
    println!("{}", stack.explain());

    // Made by hand, and not quite right: the retry is inside the breaker and the bulkhead, and nothing limits
    // the whole call.
    let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("search");
    let bulkhead = BulkheadLayer::new(8).queue(8, Duration::from_secs(2)).name("search");
    let retry = RetryLayer::new(RetryPolicy::default().budget(None)).name("search");
    let attempt = TimeoutLayer::new(Duration::from_secs(1)).name("search");
    println!("{}", explain("search", &[&breaker, &bulkhead, &retry, &attempt]));
}
