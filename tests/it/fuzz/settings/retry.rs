use buttress::{Backoff, BudgetConfig, Jitter, Retry, RetryBudget, RetryLayer, RetryPolicy};
use tower::Layer;

use super::super::input::Input;
use super::super::traffic::{Scripted, drive, fine, is_fine, meaning};
use super::super::{documented, laws};
use super::built;

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

pub fn policy(input: &mut Input<'_>) -> RetryPolicy {
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

pub fn turn_retry(retry: &Retry, input: &mut Input<'_>) {
    match input.below(2) {
        0 => retry.set_dry_run(input.is()),
        _ => {
            let policy = policy(input);
            built(retry.set_policy(policy.clone()), &policy, documented::retry(&policy));
        }
    }
    laws::retry(retry);
}

pub async fn retry(input: &mut Input<'_>) {
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
