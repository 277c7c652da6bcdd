//! What people do to engines while calls go on, and the way back.

use std::time::Duration;

use buttress::registry::{Engine, Override};
use buttress::{BudgetConfig, CircuitBreaker, CircuitBreakerConfig, InvalidConfig, Mode, Quota, RetryPolicy};

use crate::modes::QUOTA;

const MS: Duration = Duration::from_millis(1);

/// Switches the mode or changes a setting, whichever the number says.
pub fn meddle(engine: &Engine, how: u64) {
    let (what, how) = (how % 6, how / 6);
    match what {
        0 => engine.set_override(Override::new(Mode::ALL[(how % 3) as usize])),
        1 => engine.set_override(Override::new(Mode::ALL[(how % 3) as usize]).time_to_live(50 * MS)),
        2 => engine.clear_override("test"),
        _ => set(engine, how).expect("these settings are valid"),
    }
}

fn set(engine: &Engine, how: u64) -> Result<(), InvalidConfig> {
    let small = 1 + how % 4;
    match engine {
        Engine::CircuitBreaker(breaker) => control(breaker, how)?,
        Engine::Bulkhead(bulkhead) if how.is_multiple_of(2) => bulkhead.set_limit(small as usize)?,
        Engine::Bulkhead(bulkhead) => bulkhead.set_queue(small as usize, 30 * MS)?,
        Engine::KeyedCircuitBreaker(breaker) => breaker.set_max_keys(small as usize)?,
        Engine::KeyedBulkhead(bulkhead) => bulkhead.set_limit(small as usize)?,
        Engine::RateLimiter(limiter) => limiter.set_quota(Quota::per_second(50).burst(small as u32))?,
        Engine::KeyedRateLimiter(limiter) => {
            limiter.set_quota(Quota::per_second(50).burst(small as u32))?;
            limiter.set_max_keys(small as usize)?;
        }
        Engine::Retry(retry) => {
            let policy = retry.policy();
            retry.set_policy(policy.max_attempts(small as u32))?;
        }
        // Soon it is used up.
        Engine::RetryBudget(budget) => {
            budget.set_config(budget.config().capacity(small as u32).ratio(0.0).per_second(0.0))?;
        }
        Engine::Timeout(timeout) => timeout.set_limit(MS * small as u32)?,
        Engine::Fallback(fallback) => fallback.set_dry_run(how.is_multiple_of(2)),
        _ => unreachable!("no other engines are built"),
    }
    Ok(())
}

fn control(breaker: &CircuitBreaker, how: u64) -> Result<(), InvalidConfig> {
    match how % 7 {
        0 => breaker.isolate(),
        1 => breaker.isolate_for(30 * MS),
        2 => breaker.bypass(),
        3 => breaker.bypass_for(30 * MS),
        4 => breaker.automatic(),
        5 => breaker.reset(),
        _ => {
            let trials = 1 + (how / 7 % 5) as u32;
            breaker.set_config(breaker.config().trial_calls(trials).trial_successes(1))?;
        }
    }
    Ok(())
}

/// Takes back what was switched, and makes room for healthy calls.
pub fn calm(engine: &Engine) {
    engine.clear_override("test");
    match engine {
        Engine::CircuitBreaker(breaker) => {
            breaker.automatic();
            breaker.set_config(CircuitBreakerConfig::default())
        }
        Engine::Bulkhead(bulkhead) => bulkhead.set_limit(4),
        Engine::KeyedCircuitBreaker(breaker) => breaker.set_max_keys(100),
        Engine::KeyedBulkhead(bulkhead) => bulkhead.set_limit(4),
        Engine::RateLimiter(limiter) => limiter.set_quota(QUOTA),
        Engine::KeyedRateLimiter(limiter) => {
            limiter.set_max_keys(100).and_then(|()| limiter.set_quota(QUOTA))
        }
        Engine::Retry(retry) => retry.set_policy(RetryPolicy::default()),
        Engine::RetryBudget(budget) => budget.set_config(BudgetConfig::default()),
        Engine::Timeout(timeout) => timeout.set_limit(200 * MS),
        Engine::Fallback(fallback) => {
            fallback.set_dry_run(false);
            Ok(())
        }
        _ => Ok(()),
    }
    .expect("these settings are valid");
}
