//! The budget, alone and behind a layer.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use buttress::{BudgetConfig, RetryBudget, RetryLayer, RetryPolicy};
use tower::Layer;

use super::{MS, steady};
use crate::support::{Act, Strict, call};

fn config(ratio: f64, per_second: f64, capacity: u32) -> BudgetConfig {
    BudgetConfig::default().ratio(ratio).per_second(per_second).capacity(capacity)
}

fn withdrawals(budget: &RetryBudget) -> u32 {
    (0..).find(|_| !budget.try_withdraw()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn rt_11_the_budget_holds_the_load_of_an_outage() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady().max_attempts(4).budget(config(0.1, 0.0, 20)));
    let mut service = layer.layer(inner);
    for request in 0..1_000 {
        assert!(call(&mut service, request).await.is_err());
    }
    // The first call finds the budget full, so that its own share is lost. It takes 3 and so do the
    // next ones, until the 20 are used up; from then on every tenth call earns one.
    assert_eq!(probe.calls(), 1_000 + 20 + 99);
    let counts = layer.retry().snapshot();
    assert_eq!((counts.calls, counts.retries, counts.attempts), (1_000, 119, 1_119));
    assert_eq!(counts.budget_exhausted + counts.attempts_exhausted, 1_000);

    let (inner, probe) = Strict::always(Act::Err);
    let mut unlimited = RetryLayer::new(steady().max_attempts(4).budget(None)).layer(inner);
    for request in 0..1_000 {
        assert!(call(&mut unlimited, request).await.is_err());
    }
    assert_eq!(probe.calls(), 4_000);
}

#[tokio::test]
async fn rt_13_threads_share_out_each_token_once() {
    let budget = RetryBudget::new(config(0.1, 0.0, 1_000));
    let barrier = Barrier::new(8);
    let granted: usize = std::thread::scope(|scope| {
        let hammer = || {
            barrier.wait();
            (0..100_000).filter(|_| budget.try_withdraw()).count()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(hammer)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(granted, 1_000);
    let counts = budget.snapshot();
    assert_eq!((counts.withdrawn, counts.refused, counts.available), (1_000, 799_000, 0.0));
}

#[tokio::test(start_paused = true)]
async fn rt_14_a_drained_budget_recovers() {
    let budget = RetryBudget::new(config(0.1, 1.0, 20));
    assert_eq!(withdrawals(&budget), 20);
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(budget.snapshot().available, 5.0);
    assert_eq!(withdrawals(&budget), 5);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert_eq!(budget.snapshot().available, 20.0);
    assert_eq!(withdrawals(&budget), 20);
}

#[tokio::test(start_paused = true)]
async fn rt_14_healthy_calls_fill_it_through_the_layer() {
    let (inner, _probe) = Strict::new(|_, request| if request == 0 { Act::Err } else { Act::Ok });
    let layer = RetryLayer::new(steady().budget(config(0.1, 0.0, 20)));
    let budget = layer.retry().budget().unwrap();
    let mut service = layer.layer(inner);
    assert_eq!(withdrawals(&budget), 20);
    for _ in 0..100 {
        assert!(call(&mut service, 1).await.is_ok());
    }
    assert_eq!(budget.snapshot().available, 10.0);
    // RT-02: once per call, whatever becomes of it.
    assert!(call(&mut service, 0).await.is_err());
    assert_eq!(budget.snapshot().available, 10.1 - 2.0);
}

#[tokio::test(start_paused = true)]
async fn rt_15_all_services_of_a_layer_share_it_and_two_layers_do_not() {
    let policy = || steady().max_attempts(2).budget(config(0.0, 0.0, 5));
    let (layer, other) = (RetryLayer::new(policy()), RetryLayer::new(policy()));
    let mut retries = 0;
    for _ in 0..3 {
        let (inner, probe) = Strict::always(Act::Err);
        let service = layer.clone().layer(inner);
        for request in 0..10 {
            assert!(call(&mut service.clone(), request).await.is_err());
        }
        retries += probe.calls() - 10;
    }
    assert_eq!(retries, 5);
    assert_eq!(other.retry().budget().unwrap().snapshot().available, 5.0);
    assert_eq!(layer.fork("b").retry().budget().unwrap().snapshot().available, 5.0);
}

#[tokio::test(start_paused = true)]
async fn one_budget_can_be_put_over_several_layers() {
    let budget = RetryBudget::new(config(0.5, 0.0, 3)).named("backend");
    let a = RetryLayer::new(RetryPolicy::default()).name("a").budget(budget.clone());
    let b = RetryLayer::new(steady().budget(None)).name("b").budget(budget.clone());
    assert_eq!(budget.name().as_str(), "backend");
    for layer in [&a, &b, &a.fork("c")] {
        let (inner, _probe) = Strict::always(Act::Err);
        assert!(call(&mut layer.layer(inner), 1).await.is_err());
        assert_eq!(layer.retry().policy().budget, Some(budget.config()));
    }
    // 3, a full budget's deposit lost; 2 taken, 0.5 put; 1 taken, 0.5 put.
    assert_eq!((budget.snapshot().withdrawn, budget.snapshot().available), (4, 0.0));

    // Only the budget itself changes what all of them depend on.
    let error = a.retry().set_policy(steady()).unwrap_err();
    assert_eq!(error.field(), "budget");
    assert!(a.retry().set_policy(a.retry().policy().max_attempts(5)).is_ok());
    budget.set_config(config(1.0, 0.0, 7)).unwrap();
    assert_eq!(b.retry().policy().budget.unwrap().capacity, 7);
}

#[tokio::test(start_paused = true)]
async fn its_settings_change_at_run_time() {
    let layer = RetryLayer::new(steady().budget(config(0.0, 0.0, 1)));
    let handle = layer.retry();
    let budget = handle.budget().unwrap();
    assert_eq!(withdrawals(&budget), 1);
    handle.set_policy(handle.policy().budget(config(0.0, 1.0, 4))).unwrap();
    assert_eq!(budget.config(), config(0.0, 1.0, 4));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(withdrawals(&budget), 2);
    assert!(budget.set_config(config(f64::NAN, 1.0, 4)).is_err());
    assert_eq!(budget.config(), config(0.0, 1.0, 4));

    let (inner, probe) = Strict::always(Act::Err);
    let mut service = layer.layer(inner);
    handle.set_policy(handle.policy().budget(None)).unwrap();
    assert!(handle.budget().is_none());
    assert!(call(&mut service, 1).await.is_err());
    assert_eq!(probe.calls(), 3, "without a budget nothing holds it back");
    handle.set_policy(handle.policy().budget(config(0.0, 0.0, 1))).unwrap();
    tokio::time::advance(10 * MS).await;
    let _ = withdrawals(&budget);
    assert!(call(&mut service, 1).await.is_err());
    assert_eq!(probe.calls(), 4);
}

#[test]
fn a_snapshot_never_shows_more_than_the_capacity_while_that_changes() {
    let budget = RetryBudget::new(config(1.0, 0.0, 2));
    let (changed, stop) = (budget.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        while !stopped.load(SeqCst) {
            changed.set_config(config(1.0, 0.0, 2)).unwrap();
            changed.deposit();
            changed.set_config(config(1.0, 0.0, 1)).unwrap();
        }
    });
    for _ in 0..400_000 {
        let seen = budget.snapshot();
        assert!(seen.available <= f64::from(seen.capacity), "{seen:?}");
    }
    stop.store(true, SeqCst);
    thread.join().unwrap();
}
