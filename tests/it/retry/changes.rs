//! Settings and modes that change.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_repeats_nothing() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady()).dry_run(true);
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 7).await, failed(7));
    let counts = layer.retry().snapshot();
    assert_eq!((probe.calls(), counts.would_retry, counts.retries), (1, 1, 0));
    assert_eq!(layer.retry().budget().unwrap().snapshot().available, 14.0);
    layer.retry().set_dry_run(false);
    assert_eq!(call(&mut service, 7).await, failed(7));
    assert_eq!(probe.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_policy_changes_at_run_time_and_forks_stand_alone() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady()).name("a");
    let handle = layer.retry();
    let fork = layer.fork("b");
    handle.set_policy(handle.policy().max_attempts(2).backoff(Backoff::constant(10 * MS))).unwrap();
    let start = Instant::now();
    assert_eq!(call(&mut layer.layer(inner), 7).await, failed(7));
    assert_eq!((probe.calls(), start.elapsed()), (2, 10 * MS));
    assert_eq!((fork.retry().policy(), fork.retry().snapshot().calls), (steady(), 0));
    assert_eq!((handle.name().as_str(), fork.retry().name().as_str()), ("a", "b"));
    assert_eq!(fork.retry().budget().unwrap().snapshot().available, 15.0);
    let error = handle.set_policy(steady().max_attempts(0)).unwrap_err();
    assert_eq!((error.field(), handle.policy().max_attempts), ("max_attempts", 2));
}

#[tokio::test(start_paused = true)]
async fn a_handle_taken_early_sees_what_later_setters_do() {
    let layer = RetryLayer::new(steady());
    let handle = layer.retry();
    assert!(handle.name().as_str().contains("retry/changes.rs:"), "{}", handle.name());
    let (inner, _probe) = Strict::always(Act::Err);
    let mut service = layer.name("late").dry_run(true).repeat(Cloned).layer(inner);
    assert_eq!(handle.name().as_str(), "late");
    assert_eq!(handle.budget().unwrap().name().as_str(), "late");
    assert_eq!(call(&mut service, 7).await, failed(7));
    assert_eq!(handle.snapshot().would_retry, 1);
    let same = RetryLayer::from_retry(handle.clone());
    assert_eq!(same.retry().snapshot(), handle.snapshot());
}
