//! Whoever is woken because of a mode finds the mode that it is woken for: nobody wakes it a second time.

#[path = "../../support/woken.rs"]
mod shared;

use buttress::Mode;
use buttress::registry::Override;

use self::shared::woken_by;
use super::*;

fn set_dry_run(engine: &Engine) {
    match engine {
        Engine::CircuitBreaker(breaker) => breaker.set_dry_run(true),
        Engine::KeyedCircuitBreaker(breakers) => breakers.set_dry_run(true),
        Engine::Bulkhead(bulkhead) => bulkhead.set_dry_run(true),
        Engine::KeyedBulkhead(bulkheads) => bulkheads.set_dry_run(true),
        Engine::RateLimiter(limiter) => limiter.set_dry_run(true),
        _ => unreachable!("nobody waits for it"),
    }
}

#[tokio::test(start_paused = true)]
async fn by_an_override() {
    woken_by(Mode::DryRun, |_| (), |engine| engine.set_override(Override::new(Mode::DryRun)));
}

#[tokio::test(start_paused = true)]
async fn by_the_end_of_an_override() {
    let enforce = |engine: &Engine| {
        set_dry_run(engine);
        engine.set_override(Override::new(Mode::Enforce));
    };
    woken_by(Mode::DryRun, enforce, |engine| engine.clear_override("ada"));
}

#[tokio::test(start_paused = true)]
async fn by_the_code() {
    woken_by(Mode::DryRun, |_| (), set_dry_run);
}
