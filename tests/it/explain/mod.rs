//! Stacks: what they give to their parts, and what they tell of themselves.

mod adoption;
mod log;
mod text;
mod warnings;
mod worst_case;

use std::time::Duration;

use buttress::{
    BudgetConfig, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, RetryLayer, RetryPolicy,
    TimeoutLayer,
};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn timeout(name: &'static str, limit: Duration) -> TimeoutLayer {
    TimeoutLayer::new(limit).name(name)
}

fn retry(name: &'static str) -> RetryLayer {
    RetryLayer::new(RetryPolicy::default()).name(name)
}

fn breaker(name: &'static str) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name(name)
}

fn bulkhead(name: &'static str) -> BulkheadLayer {
    BulkheadLayer::new(8).name(name)
}

/// Earns only by calls.
fn budget(ratio: f64) -> BudgetConfig {
    BudgetConfig::default().ratio(ratio).per_second(0.0)
}
