use std::time::Duration;

use buttress::circuit_breaker::{CircuitControl, Outage, Window};
use buttress::{
    CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitBreakerSnapshot, CircuitState,
};
use tokio::time::advance;
use tower::Layer;

use super::super::input::Input;
use super::super::traffic::{Scripted, drive, meaning};
use super::super::{documented, laws};
use super::built;

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

pub fn turn_breaker(breaker: &CircuitBreaker, input: &mut Input<'_>) {
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
pub async fn assert_recovers(breaker: &CircuitBreaker) {
    laws::breaker(breaker);
    let s = breaker.snapshot();
    assert_eq!((s.in_flight, s.trials_in_flight), (0, 0), "{s:?}");
    breaker.set_dry_run(false);
    wait_until_it_lets_calls_through(&s, || breaker.reset()).await;
    assert!(breaker.try_admit().is_ok(), "{s:?}");
}

/// As good as for ever.
pub const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Or resets it, where it would take for ever.
pub async fn wait_until_it_lets_calls_through(s: &CircuitBreakerSnapshot, reset: impl FnOnce()) {
    match s.retry_after {
        Some(wait) if wait < LONG => advance(wait).await,
        None if s.state != CircuitState::Open => {}
        // Held by hand, or open for good.
        _ => {
            assert!(s.control != CircuitControl::Bypassed, "{s:?}");
            reset();
        }
    }
}

pub async fn breaker(input: &mut Input<'_>) {
    let config = breaker_config(input);
    let layer = CircuitBreakerLayer::try_new(config.clone());
    let Some(layer) = built(layer, &config, documented::breaker(&config)) else { return };
    let layer = if input.is() { layer.backpressure() } else { layer };
    let breaker = layer.breaker();
    let mut service = layer.classify_fn(meaning).layer(Scripted);
    drive(input, &mut service, |input| turn_breaker(&breaker, input)).await;
    assert_recovers(&breaker).await;
}
