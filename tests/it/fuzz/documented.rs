//! What the documentation says of the settings: the fields whose values it rules out.

use std::time::Duration;

use buttress::circuit_breaker::{CircuitBreakerConfig, Window};
use buttress::{Backoff, BudgetConfig, Bulkhead, Quota, RetryPolicy};

/// Fields with a wrong value.
#[derive(Debug, Default)]
pub struct Wrong(pub Vec<&'static str>);

impl Wrong {
    fn unless(&mut self, right: bool, field: &'static str) {
        if !right {
            self.0.push(field);
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A share of calls: a rounding accident is none.
fn is_rate(value: f64) -> bool {
    (f64::MIN_POSITIVE..=1.0).contains(&value)
}

pub fn breaker(config: &CircuitBreakerConfig) -> Wrong {
    let mut wrong = Wrong::default();
    let held = match config.window {
        Window::Time { length, buckets } => {
            let fits = (1..=1_000).contains(&buckets) && length.as_nanos() >= buckets.into();
            wrong.unless(fits, "window");
            u32::MAX
        }
        Window::LastCalls(calls) => {
            wrong.unless((1..=1_000_000).contains(&calls), "window");
            calls
        }
        _ => unreachable!("a kind of window that is not known here"),
    };
    wrong.unless(config.min_calls >= 1 && config.min_calls <= held, "min_calls");
    wrong.unless(is_rate(config.failure_rate), "failure_rate");
    wrong.unless(config.outage.is_none_or(|outage| outage.failures >= 1), "outage");
    let (slow, rate) = (config.slow_call_duration, config.slow_call_rate);
    wrong.unless(slow.is_none_or(|slow| !slow.is_zero() && rate.is_some()), "slow_call_duration");
    wrong.unless(rate.is_none_or(|rate| is_rate(rate) && slow.is_some()), "slow_call_rate");
    wrong.unless((1..=1_000).contains(&config.trial_calls), "trial_calls");
    wrong.unless((1..=config.trial_calls).contains(&config.trial_successes), "trial_successes");
    let patient = slow.is_none_or(|slow| slow <= config.trial_timeout);
    wrong.unless(!config.trial_timeout.is_zero() && patient, "trial_timeout");
    wrong.unless(!config.open_time.is_zero() && config.open_time <= config.open_time_cap, "open_time");
    let factor = config.open_time_factor;
    wrong.unless(factor.is_finite() && factor >= 1.0, "open_time_factor");
    wrong.unless(config.open_time_jitter >= 0.0 && config.open_time_jitter < 1.0, "open_time_jitter");
    wrong.unless(config.cancelled_after.is_none_or(|after| !after.is_zero()), "cancelled_after");
    wrong
}

pub fn bulkhead(max_concurrent: usize) -> Wrong {
    let mut wrong = Wrong::default();
    wrong.unless((1..=Bulkhead::MAX).contains(&max_concurrent), "max_concurrent");
    wrong
}

pub fn queue(len: usize, max_wait: Duration) -> Wrong {
    let mut wrong = Wrong::default();
    wrong.unless((1..=Bulkhead::MAX).contains(&len), "queue");
    wrong.unless(!max_wait.is_zero(), "max_wait");
    wrong
}

/// Of a time that has to be some.
pub fn above_zero(field: &'static str, time: Duration) -> Wrong {
    let mut wrong = Wrong::default();
    wrong.unless(!time.is_zero(), field);
    wrong
}

pub fn quota(quota: Quota) -> Wrong {
    let mut wrong = Wrong::default();
    wrong.unless(quota.count() > 0, "count");
    wrong.unless(!quota.period().is_zero(), "period");
    wrong.unless(quota.burst_size() > 0, "burst");
    if wrong.0.is_empty() {
        // A whole number of nanoseconds per call, give or take 1 %; the burst back within 36 years.
        let exact = quota.period().as_nanos() / u128::from(quota.count());
        let off = quota.period().as_nanos() - exact * u128::from(quota.count());
        let is_close = exact > 0 && off * 100 <= exact * u128::from(quota.count());
        let refill = exact.saturating_mul(quota.burst_size().into());
        wrong.unless(is_close && refill <= 1 << 60, "quota");
    }
    wrong
}

fn backoff(wrong: &mut Wrong, backoff: &Backoff) {
    let some = |wait: Duration| !wait.is_zero() && wait <= DAY;
    wrong.unless(some(backoff.base), "backoff.base");
    wrong.unless(backoff.factor.is_finite() && backoff.factor >= 1.0, "backoff.factor");
    wrong.unless(some(backoff.cap) && backoff.cap >= backoff.base, "backoff.cap");
}

pub fn budget(config: &BudgetConfig) -> Wrong {
    let mut wrong = Wrong::default();
    let zero_or = |value: f64, least: f64, most: f64| {
        value == 0.0 && value.is_sign_positive() || value >= least && value <= most
    };
    wrong.unless(zero_or(config.ratio, 1e-6, 5.0), "budget.ratio");
    wrong.unless(config.capacity >= 1, "budget.capacity");
    wrong.unless(zero_or(config.per_second, 1e-3, config.capacity.into()), "budget.per_second");
    wrong
}

pub fn retry(policy: &RetryPolicy) -> Wrong {
    let mut wrong = policy.budget.as_ref().map(budget).unwrap_or_default();
    wrong.unless(policy.max_attempts >= 1, "max_attempts");
    backoff(&mut wrong, &policy.backoff);
    wrong.unless(policy.retry_after_cap <= DAY, "retry_after_cap");
    wrong
}

pub fn max_keys(max: usize) -> Wrong {
    let mut wrong = Wrong::default();
    wrong.unless(max >= 1, "max_keys");
    wrong
}
