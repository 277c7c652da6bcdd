//! All engines of the process: who they are, what they show, how they are switched.

mod identity;
mod modes;
mod modes_in_flight;
mod settings;
mod snapshot;
mod woken;

use std::time::Duration;

use buttress::registry::{Engine, Event, Registry};
use buttress::{
    BudgetConfig, Bulkhead, CircuitBreaker, CircuitBreakerConfig, Fallback, KeyedRateLimiter, Quota,
    RateLimiter, Retry, RetryBudget, RetryPolicy, Timeout,
};

use crate::support::registered::{shown, shown_once};

const SECOND: Duration = Duration::from_secs(1);

fn events(stack: &str) -> Vec<Event> {
    let mut events = Registry::global().events();
    events.retain(|event| event.engine.is_some_and(|engine| engine.stack.as_str() == stack));
    events
}

/// One of each kind, in this stack. Holds only their handles.
fn one_of_each(stack: &'static str) -> [Engine; 8] {
    [
        Engine::CircuitBreaker(CircuitBreaker::new(CircuitBreakerConfig::default()).in_stack(stack)),
        Engine::Bulkhead(Bulkhead::new(1).in_stack(stack)),
        Engine::RateLimiter(RateLimiter::new(Quota::per_second(1)).in_stack(stack)),
        Engine::KeyedRateLimiter(KeyedRateLimiter::new(Quota::per_second(1)).named("keys").in_stack(stack)),
        // Its own budget stays with it.
        Engine::Retry(Retry::new(RetryPolicy::default().budget(None)).in_stack(stack)),
        Engine::RetryBudget(RetryBudget::new(BudgetConfig::default()).named("shared").in_stack(stack)),
        Engine::Timeout(Timeout::new(SECOND).in_stack(stack)),
        Engine::Fallback(Fallback::new().in_stack(stack)),
    ]
}
