//! Any settings: refused by the name of a field that breaks its documented rule, or up to a hundred calls later the
//! laws hold, nothing is in flight, and a healthy call passes. (BC-24)

use std::fmt::Debug;
use std::time::Duration;

use buttress::circuit_breaker::{CircuitControl, Outage, Window};
use buttress::{
    Backoff, BudgetConfig, Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig,
    CircuitBreakerLayer, CircuitState, InvalidConfig, Jitter, KeyedRateLimiter, Overflow, Quota,
    RateLimitLayer, RateLimiter, Retry, RetryBudget, RetryLayer, RetryPolicy, Timeout, TimeoutLayer,
};
use tokio::time::advance;
use tower::Layer;

use super::documented::{self, Wrong};
use super::input::Input;
use super::traffic::{Scripted, drive, fine, is_fine, meaning};
use super::{laws, paused};

pub fn run(bytes: &[u8]) {
    paused(async {
        let mut input = Input::new(bytes);
        let input = &mut input;
        match input.below(8) {
            0 => breaker(input).await,
            1 => bulkhead(input).await,
            2 => queue(input).await,
            3 => rate_limit(input).await,
            4 => keyed_rate_limit(input).await,
            5 => retry(input).await,
            6 => timeout(input).await,
            _ => all(input).await,
        }
    });
}

/// What was built, if the settings are as documented.
fn built<T>(built: Result<T, InvalidConfig>, settings: &dyn Debug, wrong: Wrong) -> Option<T> {
    match built {
        Ok(built) => {
            assert!(wrong.0.is_empty(), "{settings:?} was taken, in spite of {wrong:?}");
            Some(built)
        }
        Err(error) => {
            assert!(wrong.0.contains(&error.field()), "{settings:?}: {error}, and not {wrong:?}");
            assert!(!error.rule().is_empty() && !error.value().is_empty(), "{error:?}");
            None
        }
    }
}

pub fn breaker_config(input: &mut Input<'_>) -> CircuitBreakerConfig {
    let mut config = CircuitBreakerConfig::default();
    if input.is() {
        config = config.window(Window::last_calls(5)).min_calls(3).trial_successes(1).cancelled_after(None);
    }
    for _ in 0..input.below(6) {
        let maybe = input.is();
        match input.below(16) {
            0 => config.window = Window::time(input.duration()),
            1 => config.window = Window::Time { length: input.duration(), buckets: input.count() },
            2 => config.window = Window::last_calls(input.count()),
            3 => config.min_calls = input.count(),
            4 => config.failure_rate = input.share(),
            5 => config.outage = maybe.then(|| Outage::new(input.count(), input.duration())),
            6 => config.slow_call_duration = maybe.then(|| input.duration()),
            7 => config.slow_call_rate = maybe.then(|| input.share()),
            8 => config.trial_calls = input.count(),
            9 => config.trial_successes = input.count(),
            10 => config.trial_timeout = input.duration(),
            11 => config.open_time = input.duration(),
            12 => config.open_time_factor = input.share() * 4.0,
            13 => config.open_time_cap = input.duration(),
            14 => config.open_time_jitter = input.share(),
            _ => config.cancelled_after = maybe.then(|| input.duration()),
        }
    }
    config.seed(input.byte() as u64)
}

fn turn_breaker(breaker: &CircuitBreaker, input: &mut Input<'_>) {
    match input.below(8) {
        0 => breaker.isolate(),
        1 => breaker.isolate_for(input.duration()),
        2 => breaker.bypass(),
        3 => breaker.bypass_for(input.duration()),
        4 => breaker.automatic(),
        5 => breaker.reset(),
        6 => breaker.set_dry_run(input.is()),
        _ => {
            let config = breaker_config(input);
            built(breaker.set_config(config.clone()), &config, documented::breaker(&config));
        }
    }
    laws::breaker(breaker);
}

/// Within the time that it tells, a breaker that nobody holds lets calls through.
async fn assert_recovers(breaker: &CircuitBreaker) {
    const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    laws::breaker(breaker);
    let s = breaker.snapshot();
    assert_eq!((s.in_flight, s.trials_in_flight), (0, 0), "{s:?}");
    breaker.set_dry_run(false);
    match s.retry_after {
        Some(wait) if wait < LONG => advance(wait).await,
        None if s.state != CircuitState::Open => {}
        // Held by hand, or open for good.
        _ => {
            assert!(s.control != CircuitControl::Bypassed, "{s:?}");
            breaker.reset();
        }
    }
    assert!(breaker.try_admit().is_ok(), "{s:?}");
}

async fn breaker(input: &mut Input<'_>) {
    let config = breaker_config(input);
    let layer = CircuitBreakerLayer::try_new(config.clone());
    let Some(layer) = built(layer, &config, documented::breaker(&config)) else { return };
    let layer = if input.is() { layer.backpressure() } else { layer };
    let breaker = layer.breaker();
    let mut service = layer.classify_fn(meaning).layer(Scripted);
    drive(input, &mut service, |input| turn_breaker(&breaker, input)).await;
    assert_recovers(&breaker).await;
}

fn turn_bulkhead(bulkhead: &Bulkhead, input: &mut Input<'_>) {
    match input.below(3) {
        0 => bulkhead.set_dry_run(input.is()),
        1 => {
            let limit = input.size();
            built(bulkhead.set_limit(limit), &limit, documented::bulkhead(limit));
        }
        _ => {
            let (len, wait) = (input.size(), input.duration());
            built(bulkhead.set_queue(len, wait), &(len, wait), documented::queue(len, wait));
        }
    }
    laws::hold(bulkhead.clone());
}

fn assert_all_permits_are_back(bulkhead: &Bulkhead) {
    laws::hold(bulkhead.clone());
    let s = bulkhead.snapshot();
    assert_eq!((s.in_flight, s.waiting), (0, 0), "{s:?}");
    bulkhead.set_dry_run(false);
    let permits: Vec<_> = (0..s.limit.min(40)).map(|_| bulkhead.try_admit()).collect();
    assert!(permits.iter().all(Result::is_ok), "{s:?}");
    assert_eq!(bulkhead.try_admit().is_ok(), s.limit > permits.len(), "{s:?}");
}

async fn bulkhead(input: &mut Input<'_>) {
    let limit = input.size();
    let layer = BulkheadLayer::try_new(limit);
    let Some(layer) = built(layer, &limit, documented::bulkhead(limit)) else { return };
    let bulkhead = layer.bulkhead();
    drive(input, &mut layer.layer(Scripted), |input| turn_bulkhead(&bulkhead, input)).await;
    assert_all_permits_are_back(&bulkhead);
}

async fn queue(input: &mut Input<'_>) {
    let (limit, len, wait) = (1 + input.below(4), input.size(), input.duration());
    let layer = BulkheadLayer::new(limit).try_queue(len, wait);
    let Some(layer) = built(layer, &(len, wait), documented::queue(len, wait)) else { return };
    let bulkhead = layer.bulkhead();
    drive(input, &mut layer.layer(Scripted), |input| turn_bulkhead(&bulkhead, input)).await;
    assert_all_permits_are_back(&bulkhead);
}

pub fn quota(input: &mut Input<'_>) -> Quota {
    let quota = match input.below(4) {
        0 => Quota::per_second(input.count()),
        1 => Quota::per_minute(input.count()),
        2 => Quota::per_hour(input.count()),
        _ => Quota::every(input.duration()),
    };
    if input.is() { quota.burst(input.count()) } else { quota }
}

fn turn_limiter(limiter: &RateLimiter, input: &mut Input<'_>) {
    match input.below(3) {
        0 => limiter.set_dry_run(input.is()),
        1 => {
            let quota = quota(input);
            built(limiter.set_quota(quota), &quota, documented::quota(quota));
        }
        _ => {
            let max = input.duration();
            built(limiter.set_max_wait(max), &max, documented::above_zero("max_wait", max));
        }
    }
    laws::rate_limit(limiter);
}

/// Nobody waits, and a cell is there when it is said to be.
async fn assert_lets_through(limiter: &RateLimiter) {
    const LONG: Duration = Duration::from_secs(40 * 365 * 24 * 60 * 60);
    laws::rate_limit(limiter);
    assert_eq!(limiter.snapshot().waiting, 0);
    limiter.set_dry_run(false);
    let wait = limiter.peek().next_cell;
    // Cells in use under a quota that was far larger may come back later than any clock goes.
    if wait >= LONG {
        return;
    }
    advance(wait).await;
    assert!(limiter.try_admit().is_ok(), "{limiter:?}");
}

async fn rate_limit(input: &mut Input<'_>) {
    let quota = quota(input);
    let layer = RateLimitLayer::try_new(quota);
    let Some(layer) = built(layer, &quota, documented::quota(quota)) else { return };
    let layer = layer.cost(|request: &u64| (request >> 56) as u32 % 5);
    let limiter = layer.limiter();
    if input.is() {
        drive(input, &mut layer.layer(Scripted), |input| turn_limiter(&limiter, input)).await;
    } else {
        let max = input.duration();
        let layer = built(layer.try_wait(max), &max, documented::above_zero("max_wait", max));
        let Some(layer) = layer else { return };
        drive(input, &mut layer.layer(Scripted), |input| turn_limiter(&limiter, input)).await;
    }
    assert_lets_through(&limiter).await;
}

fn turn_keyed_limiter(limiter: &KeyedRateLimiter, input: &mut Input<'_>) {
    match input.below(5) {
        0 => limiter.set_dry_run(input.is()),
        1 => limiter.set_overflow(input.one_of(&[Overflow::Share, Overflow::Reject])),
        2 => drop(limiter.sweep()),
        3 => {
            let quota = quota(input);
            built(limiter.set_quota(quota), &quota, documented::quota(quota));
        }
        _ => {
            let max = input.size();
            built(limiter.set_max_keys(max), &max, documented::max_keys(max));
        }
    }
    laws::hold(limiter.clone());
}

async fn keyed_rate_limit(input: &mut Input<'_>) {
    let (quota, max) = (quota(input), input.size());
    let layer =
        RateLimitLayer::try_per_key(quota, |request: &u64| Some(request >> 32 & 7).filter(|key| *key > 0));
    let Some(layer) = built(layer, &quota, documented::quota(quota)) else { return };
    let Some(layer) = built(layer.try_max_keys(max), &max, documented::max_keys(max)) else { return };
    let limiter = layer.limiter();
    drive(input, &mut layer.layer(Scripted), |input| turn_keyed_limiter(&limiter, input)).await;
    laws::hold(limiter.clone());
    limiter.set_dry_run(false);
    // Where it holds more than it may, it tells when the first key goes, and it may take all of them.
    for _ in 0..8 {
        advance(limiter.peek(&1_u64).next_cell).await;
        if limiter.try_admit(&1_u64).is_ok() {
            return;
        }
        assert!(!limiter.peek(&1_u64).next_cell.is_zero(), "{:?}", limiter.snapshot());
    }
    panic!("never let in: {:?}", limiter.snapshot());
}

pub fn budget_config(input: &mut Input<'_>) -> BudgetConfig {
    let config = BudgetConfig::default();
    match input.below(8) {
        0 => config.ratio(input.share()),
        1 => config.per_second(input.share()),
        2 => config.capacity(input.count()),
        3 => config.ratio(input.share()).per_second(input.share() * 16.0).capacity(input.count()),
        _ => config,
    }
}

fn policy(input: &mut Input<'_>) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    for _ in 0..input.below(5) {
        match input.below(8) {
            0 => policy.max_attempts = input.count(),
            1 => policy.backoff = Backoff::constant(input.duration()),
            2 => policy.backoff.base = input.duration(),
            3 => policy.backoff.factor = input.share() * 4.0,
            4 => policy.backoff.cap = input.duration(),
            5 => policy.retry_after_cap = input.duration(),
            6 => {
                let kinds = [Jitter::Full, Jitter::None, Jitter::Equal, Jitter::Decorrelated];
                policy.jitter = input.one_of(&kinds);
            }
            _ => policy.budget = input.is().then(|| budget_config(input)),
        }
    }
    policy.seed(input.byte() as u64)
}

fn turn_retry(retry: &Retry, input: &mut Input<'_>) {
    match input.below(2) {
        0 => retry.set_dry_run(input.is()),
        _ => {
            let policy = policy(input);
            built(retry.set_policy(policy.clone()), &policy, documented::retry(&policy));
        }
    }
    laws::retry(retry);
}

async fn retry(input: &mut Input<'_>) {
    let policy = policy(input);
    let layer = RetryLayer::try_new(policy.clone());
    let Some(layer) = built(layer, &policy, documented::retry(&policy)) else { return };
    if let Some(config) = policy.budget {
        built(RetryBudget::try_new(config), &config, documented::budget(&config));
    }
    let retry = layer.retry();
    let mut service = layer.classify_fn(meaning).layer(Scripted);
    drive(input, &mut service, |input| turn_retry(&retry, input)).await;
    laws::retry(&retry);
    // What a dropped call had withdrawn and not used is there again.
    if let Some(budget) = retry.budget() {
        let s = budget.snapshot();
        assert!(s.withdrawn - s.returned <= retry.snapshot().retries + retry.snapshot().would_retry, "{s:?}");
    }
    assert!(is_fine(&fine(&mut service).await));
}

fn turn_timeout(timeout: &Timeout, input: &mut Input<'_>) {
    if input.is() {
        timeout.set_dry_run(input.is());
    } else {
        let limit = input.duration();
        built(timeout.set_limit(limit), &limit, documented::above_zero("limit", limit));
    }
    laws::hold(timeout.clone());
}

async fn timeout(input: &mut Input<'_>) {
    let limit = input.duration();
    let layer = TimeoutLayer::try_new(limit);
    let Some(layer) = built(layer, &limit, documented::above_zero("limit", limit)) else { return };
    let timeout = layer.timeout();
    let mut service = layer.layer(Scripted);
    drive(input, &mut service, |input| turn_timeout(&timeout, input)).await;
    laws::hold(timeout.clone());
    assert!(is_fine(&fine(&mut service).await));
}

/// All of them in the recommended order.
async fn all(input: &mut Input<'_>) {
    let (limit, policy, config) = (input.duration(), policy(input), breaker_config(input));
    let (most, quota, attempt) = (1 + input.below(9), quota(input), input.duration());
    let Ok(total) = TimeoutLayer::try_new(limit) else { return };
    let Ok(retry) = RetryLayer::try_new(policy) else { return };
    let Ok(breaker) = CircuitBreakerLayer::try_new(config) else { return };
    let Ok(bulkhead) = BulkheadLayer::new(most).try_queue(1 + input.below(9), input.duration()) else {
        return;
    };
    let Ok(rate) = RateLimitLayer::try_new(quota).and_then(|layer| layer.try_wait(input.duration())) else {
        return;
    };
    let Ok(attempt) = TimeoutLayer::try_new(attempt) else { return };

    let (first, last) = (total.timeout(), attempt.timeout());
    let (again, circuit, permits, cells) =
        (retry.retry(), breaker.breaker(), bulkhead.bulkhead(), rate.limiter());
    let inner = bulkhead.layer(rate.layer(attempt.layer(Scripted)));
    let middle = breaker.classify_fn(meaning).layer(inner);
    let mut service = total.layer(retry.classify_fn(meaning).layer(middle));
    let turn = |input: &mut Input<'_>| match input.below(6) {
        0 => turn_timeout(&first, input),
        1 => turn_retry(&again, input),
        2 => turn_breaker(&circuit, input),
        3 => turn_bulkhead(&permits, input),
        4 => turn_limiter(&cells, input),
        _ => turn_timeout(&last, input),
    };
    drive(input, &mut service, turn).await;
    laws::hold(first.clone());
    laws::hold(last.clone());
    laws::retry(&again);
    assert_recovers(&circuit).await;
    assert_all_permits_are_back(&permits);
    assert_lets_through(&cells).await;
}
