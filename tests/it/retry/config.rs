//! What cannot be meant is refused when the layer is made.

use std::time::Duration;

use buttress::{Backoff, BudgetConfig, Jitter, Retry, RetryBudget, RetryLayer, RetryPolicy};

use super::MS;

const DAY: Duration = Duration::from_secs(86_400);

fn with_backoff(change: impl FnOnce(&mut Backoff)) -> RetryPolicy {
    let mut backoff = Backoff::default();
    change(&mut backoff);
    RetryPolicy::default().backoff(backoff)
}

fn with_budget(change: impl FnOnce(&mut BudgetConfig)) -> RetryPolicy {
    let mut budget = BudgetConfig::default();
    change(&mut budget);
    RetryPolicy::default().budget(budget)
}

const NOT_A_NUMBER: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, -1.0];

/// Every public field, with each value that is refused.
fn refused() -> Vec<(&'static str, RetryPolicy)> {
    let mut table = vec![("max_attempts", RetryPolicy::default().max_attempts(0))];
    for base in [Duration::ZERO, DAY + MS, Duration::from_secs(u64::MAX), Duration::MAX] {
        table.push(("backoff.base", with_backoff(|backoff| backoff.base = base)));
    }
    for factor in NOT_A_NUMBER.into_iter().chain([0.0, 0.5, 0.999_999_9]) {
        table.push(("backoff.factor", with_backoff(|backoff| backoff.factor = factor)));
    }
    for cap in [Duration::ZERO, 99 * MS, DAY + MS, Duration::from_secs(u64::MAX), Duration::MAX] {
        table.push(("backoff.cap", with_backoff(|backoff| backoff.cap = cap)));
    }
    for cap in [DAY + MS, Duration::from_secs(u64::MAX), Duration::MAX] {
        table.push(("retry_after_cap", RetryPolicy::default().retry_after_cap(cap)));
    }
    for ratio in NOT_A_NUMBER.into_iter().chain([1e-7, 5.000_001, 10.0, 1_001.0, f64::MAX]) {
        table.push(("budget.ratio", with_budget(|budget| budget.ratio = ratio)));
    }
    for per_second in NOT_A_NUMBER.into_iter().chain([1e-4, 15.000_1, f64::MAX]) {
        table.push(("budget.per_second", with_budget(|budget| budget.per_second = per_second)));
    }
    table.push(("budget.capacity", with_budget(|budget| budget.capacity = 0)));
    table
}

#[test]
fn bc_14_15_16_bad_policies_are_refused() {
    for (field, policy) in refused() {
        let error = RetryLayer::try_new(policy.clone()).unwrap_err();
        assert_eq!(error.field(), field, "{policy:?}");
        assert!(!error.value().is_empty() && !error.rule().is_empty());
        assert_eq!(Retry::try_new(policy.clone()).unwrap_err(), error);
        assert_eq!(Retry::new(RetryPolicy::default()).set_policy(policy.clone()).unwrap_err(), error);
        if field.starts_with("budget") {
            assert_eq!(RetryBudget::try_new(policy.budget.unwrap()).unwrap_err(), error);
        }
    }
}

#[test]
fn the_ends_of_every_range_are_accepted() {
    let default = RetryPolicy::default();
    let accepted = [
        default.clone().max_attempts(1),
        default.clone().max_attempts(u32::MAX),
        default.clone().backoff(Backoff::constant(Duration::from_nanos(1))),
        default.clone().backoff(Backoff::exponential(DAY).cap(DAY)),
        with_backoff(|backoff| backoff.factor = 1.0),
        with_backoff(|backoff| backoff.factor = f64::MAX),
        with_backoff(|backoff| backoff.cap = backoff.base),
        default.clone().retry_after_cap(Duration::ZERO),
        default.clone().retry_after_cap(DAY),
        default.clone().budget(None),
        with_budget(|budget| budget.ratio = 0.0),
        with_budget(|budget| budget.ratio = 5.0),
        with_budget(|budget| budget.per_second = 0.0),
        with_budget(|budget| budget.per_second = 15.0),
        default.clone().budget(BudgetConfig::default().per_second(f64::from(u32::MAX)).capacity(u32::MAX)),
        default.clone().jitter(Jitter::Decorrelated).seed(u64::MAX),
    ];
    for policy in accepted {
        assert!(RetryLayer::try_new(policy.clone()).is_ok(), "{policy:?}");
    }
}

#[test]
#[should_panic(expected = "invalid `max_attempts` = 0: must be at least 1")]
fn a_wrong_literal_panics_where_it_stands() {
    let _ = RetryLayer::new(RetryPolicy::default().max_attempts(0));
}

/// The table in the module's documentation.
#[test]
fn the_defaults_are_those_of_the_documentation() {
    let policy = RetryPolicy::default();
    assert_eq!((policy.max_attempts, policy.jitter, policy.seed), (3, Jitter::Full, None));
    assert_eq!(policy.backoff, Backoff::exponential(100 * MS).factor(2.0).cap(2_000 * MS));
    assert_eq!(policy.retry_after_cap, Duration::from_secs(30));
    let budget = policy.budget.unwrap();
    assert_eq!((budget.ratio, budget.per_second, budget.capacity), (0.1, 1.0, 15));
}
