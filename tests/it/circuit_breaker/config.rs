//! Settings that are refused, and those that are not.

use buttress::circuit_breaker::{Outage, Window};
use buttress::{CircuitBreakerLayer, InvalidConfig};

use super::*;

fn refused(config: CircuitBreakerConfig) -> InvalidConfig {
    let error = CircuitBreaker::try_new(config.clone()).expect_err("accepted");
    assert_eq!(CircuitBreakerLayer::try_new(config.clone()).unwrap_err(), error);
    let breaker = CircuitBreaker::new(plain());
    assert_eq!(breaker.set_config(config).unwrap_err(), error);
    error
}

const NANO: Duration = Duration::from_nanos(1);

#[test]
fn bc_01_durations() {
    let c = CircuitBreakerConfig::default;
    let slow = || c().slow_call_rate(0.5);
    let zero = Duration::ZERO;
    let table = [
        (c().window(Window::time(zero)), "window"),
        (c().window(Window::time(NANO)), "window"),
        (slow().slow_call_duration(zero), "slow_call_duration"),
        (slow().slow_call_duration(Duration::MAX), "trial_timeout"),
        (slow().slow_call_duration(11 * SECOND), "trial_timeout"),
        (c().trial_timeout(zero), "trial_timeout"),
        (c().open_time(zero), "open_time"),
        (c().open_time(Duration::MAX), "open_time"),
        (c().open_time(11 * SECOND), "open_time"),
        (c().open_time_cap(zero), "open_time"),
        (c().open_time_cap(NANO), "open_time"),
        (c().cancelled_after(zero), "cancelled_after"),
    ];
    for (config, field) in table {
        let error = refused(config);
        assert_eq!(error.field(), field, "{error}");
        assert!(!error.rule().is_empty() && !error.value().is_empty(), "{error}");
    }
}

/// The longest and the shortest that are accepted do what is documented, and nothing panics.
#[tokio::test(start_paused = true)]
async fn bc_01_extreme_durations_work() {
    let c = plain;
    let table = [
        c().window(Window::time(Duration::MAX)),
        c().window(Window::Time { length: Duration::MAX, buckets: 1_000 }),
        c().window(Window::Time { length: NANO, buckets: 1 }),
        c().window(Window::time(Duration::from_secs(u64::MAX))),
        c().outage(Outage::new(1, Duration::MAX)),
        c().outage(Outage::new(u32::MAX, Duration::ZERO)),
        c().slow_call_duration(NANO).slow_call_rate(1.0),
        c().slow_call_duration(Duration::MAX).slow_call_rate(1.0).trial_timeout(Duration::MAX),
        c().trial_timeout(NANO),
        c().trial_timeout(Duration::MAX),
        c().open_time(NANO).open_time_factor(f64::MAX),
        c().open_time(Duration::MAX).open_time_cap(Duration::MAX).open_time_jitter(0.99),
        c().cancelled_after(NANO),
        c().cancelled_after(Duration::MAX),
    ];
    for config in table {
        let breaker = CircuitBreaker::new(config);
        for call in 0..100_u32 {
            if let Ok(permit) = breaker.try_admit() {
                tokio::time::advance(call % 3 * MS).await;
                match call % 5 {
                    0 => permit.settle(Verdict::success()),
                    1 => drop(permit),
                    _ => permit.settle(Verdict::failure("error")),
                }
            }
            tokio::time::advance(call % 7 * 3 * SECOND).await;
        }
        assert_laws(&breaker);
    }
}

#[tokio::test(start_paused = true)]
async fn bc_01_an_endless_open_time_ends_by_hand() {
    let breaker = opened(plain().open_time(Duration::MAX).open_time_cap(Duration::MAX));
    tokio::time::advance(100 * 365 * 86_400 * SECOND).await;
    assert_eq!(breaker.try_admit().unwrap_err().retry_after(), None);
    breaker.reset();
    feed(&breaker, "S");
}

#[test]
fn bc_04_to_07_and_21_numbers() {
    let c = CircuitBreakerConfig::default;
    let buckets = |buckets| Window::Time { length: SECOND, buckets };
    let table = [
        (c().window(Window::last_calls(0)), "window"),
        (c().window(Window::last_calls(1_000_001)), "window"),
        (c().window(Window::last_calls(u32::MAX)), "window"),
        (c().window(buckets(0)), "window"),
        (c().window(buckets(1_001)), "window"),
        (c().window(buckets(u32::MAX)), "window"),
        (c().min_calls(0), "min_calls"),
        (plain().min_calls(11), "min_calls"),
        (plain().min_calls(u32::MAX), "min_calls"),
        (c().outage(Outage::new(0, SECOND)), "outage"),
        (c().trial_calls(0), "trial_calls"),
        (c().trial_calls(1_001), "trial_calls"),
        (c().trial_calls(u32::MAX), "trial_calls"),
        (c().trial_successes(0), "trial_successes"),
        (c().trial_successes(6), "trial_successes"),
    ];
    for (config, field) in table {
        let error = refused(config);
        assert_eq!(error.field(), field, "{error}");
    }
    // Trial calls are not taken from the window, so they may be more than it holds.
    let _more = CircuitBreaker::new(plain().trial_calls(1_000));
    let _largest = CircuitBreaker::new(plain().window(Window::last_calls(1_000_000)));
}

#[test]
fn bc_08_and_09_rates() {
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, -0.0, 0.0, 5e-324, 1.000_000_1, 50.0];
    for rate in bad {
        let error = refused(plain().failure_rate(rate));
        assert_eq!(error.field(), "failure_rate");
        assert!(error.rule().contains("not a percentage"), "{error}");
        let error = refused(plain().slow_call_duration(SECOND).slow_call_rate(rate));
        assert_eq!((error.field(), error.value()), ("slow_call_rate", format!("{rate:?}").as_str()));
    }
    let _all = CircuitBreaker::new(plain().failure_rate(1.0));
    let _any = CircuitBreaker::new(plain().failure_rate(f64::MIN_POSITIVE));
}

#[test]
fn factors_and_jitter() {
    for factor in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 0.5, 0.999] {
        assert_eq!(refused(plain().open_time_factor(factor)).field(), "open_time_factor");
    }
    for jitter in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.0, 1.1] {
        assert_eq!(refused(plain().open_time_jitter(jitter)).field(), "open_time_jitter");
    }
    let _none = CircuitBreaker::new(plain().open_time_jitter(0.0).open_time_factor(1.0));
}

#[test]
fn the_slow_call_rule_is_set_as_a_whole() {
    assert_eq!(refused(plain().slow_call_duration(SECOND)).field(), "slow_call_duration");
    assert_eq!(refused(plain().slow_call_rate(0.5)).field(), "slow_call_rate");
    let _off = CircuitBreaker::new(plain().slow_call_rate(0.5).slow_call_rate(None));
}

#[test]
fn rules_can_be_switched_off() {
    let config = CircuitBreakerConfig::default().outage(None).cancelled_after(None);
    assert_eq!((config.outage, config.cancelled_after), (None, None));
    let _breaker = CircuitBreaker::new(config);
}

#[test]
#[should_panic(expected = "invalid `failure_rate` = 50.0: a rate is a share above 0 and at most 1")]
fn a_wrong_literal_panics_where_it_stands() {
    let _layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default().failure_rate(50.0));
}

/// What the documentation says of each field.
#[test]
fn the_defaults_are_the_documented_ones() {
    let config = CircuitBreakerConfig::default();
    assert_eq!(config.window, Window::Time { length: 10 * SECOND, buckets: 10 });
    assert_eq!((config.min_calls, config.failure_rate), (100, 0.5));
    assert_eq!(config.outage, Some(Outage { failures: 5, span: SECOND }));
    assert_eq!((config.slow_call_duration, config.slow_call_rate), (None, None));
    assert_eq!((config.trial_calls, config.trial_successes, config.trial_timeout), (5, 3, 10 * SECOND));
    assert_eq!((config.open_time, config.open_time_factor), (2 * SECOND, 1.5));
    assert_eq!((config.open_time_cap, config.open_time_jitter), (10 * SECOND, 0.25));
    assert_eq!((config.cancelled_after, config.seed), (Some(500 * MS), None));
}
