//! All engines of the process: who they are, what they show, how they are switched.

mod identity;
mod modes;
mod modes_in_flight;
mod settings;
mod snapshot;
mod woken;

use std::time::Duration;

use buttress::registry::{Engine, EngineSnapshot, Event, Registry};
use buttress::{
    BudgetConfig, Bulkhead, CircuitBreaker, CircuitBreakerConfig, Fallback, KeyedRateLimiter, Quota,
    RateLimiter, Retry, RetryBudget, RetryPolicy, Timeout,
};

const SECOND: Duration = Duration::from_secs(1);

/// What the registry shows of one stack; other tests of this process have engines too.
fn shown(stack: &str) -> Vec<EngineSnapshot> {
    let mut snapshot = Registry::global().snapshot();
    snapshot.engines.retain(|engine| engine.identity.stack.as_str() == stack);
    snapshot.engines
}

/// The same, as soon as there are so many: another test that looks keeps what was dropped alive for that moment.
fn shown_once(stack: &str, count: usize) -> Vec<EngineSnapshot> {
    for _ in 0..1_000_000 {
        let shown = shown(stack);
        if shown.len() == count {
            return shown;
        }
        std::thread::yield_now();
    }
    panic!("never {count} engines in {stack}: {:?}", shown(stack));
}

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
