//! The retry engine behind tower's `Policy`, beside our own layer: same answers, same counts.

use std::time::Duration;

use buttress::retry::TowerPolicy;
use buttress::{BudgetConfig, Cloned, Jitter, RetryBudget, RetryLayer, RetryPolicy, RetrySnapshot};
use tokio::time::Instant;
use tower::retry::budget::Budget;
use tower::retry::{Policy, Retry};
use tower::{Layer, Service};

use crate::support::{Act, Fail, Strict, call, poll_once, poll_ready};

fn layer() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default().jitter(Jitter::None)).name("either")
}

/// Some calls, one after the other: results, the time they took, and what was counted.
async fn run<S>(mut service: S, engine: &buttress::Retry) -> (Vec<Result<u64, Fail>>, Duration, RetrySnapshot)
where
    S: Service<u64, Response = u64, Error = Fail>,
{
    let start = Instant::now();
    let mut results = Vec::new();
    for request in 0..40 {
        results.push(call(&mut service, request).await);
    }
    (results, start.elapsed(), engine.snapshot())
}

/// Fails twice, answers, fails once, answers twice, and so on.
fn scripted() -> Strict {
    Strict::new(|call, _| if [0, 1, 3].contains(&(call % 6)) { Act::Err } else { Act::Ok }).0
}

#[tokio::test(start_paused = true)]
async fn towers_retry_with_our_policy_does_what_our_layer_does() {
    let (ours, theirs) = (layer(), layer());
    let by_us = run(ours.layer(scripted()), &ours.retry()).await;
    let by_tower = run(Retry::new(theirs.tower_policy(), scripted()), &theirs.retry()).await;
    let seen = &by_us.2;
    assert!(seen.recovered > 0 && seen.budget_exhausted > 0 && seen.retries > 15, "{seen:?}");
    assert_eq!(by_us, by_tower);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_sent_once_is() {
    let layer = layer().repeat_fn(|_: &u64| None);
    let (inner, probe) = Strict::always(Act::Err);
    let mut service = Retry::new(layer.tower_policy(), inner);
    assert!(call(&mut service, 1).await.is_err());
    let counts = layer.retry().snapshot();
    assert_eq!((probe.calls(), counts.calls, counts.attempts), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_between_attempts_leaves_its_token() {
    let layer = layer();
    let budget = layer.retry().budget().unwrap();
    let mut service = Retry::new(layer.tower_policy(), Strict::always(Act::Err).0);
    let before = budget.snapshot().available;
    assert!(poll_ready(&mut service).is_ready());
    let mut waits = Box::pin(service.call(1));
    assert!(poll_once(waits.as_mut()).is_pending());
    assert!(budget.snapshot().available < before);
    drop(waits);
    assert!(budget.snapshot().available >= before);
    assert_eq!((budget.snapshot().withdrawn, budget.snapshot().returned), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_policy_can_be_stored_whatever_it_will_see() {
    fn holds<T: Clone + Send + Sync + std::fmt::Debug + 'static>(_: &T) {}
    let policy: TowerPolicy<_, Cloned> = layer().repeat(Cloned).tower_policy();
    holds(&policy);
    assert!(format!("{policy:?}").contains("either"));
}

/// A policy that somebody wrote by hand, with our budget in it.
#[derive(Clone)]
struct ByHand(RetryBudget);

impl<Res, E> Policy<u64, Res, E> for ByHand {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<Res, E>) -> Option<Self::Future> {
        if result.is_ok() {
            Budget::deposit(&self.0);
            return None;
        }
        Budget::withdraw(&self.0).then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_serves_policies_written_for_tower() {
    let budget = RetryBudget::new(BudgetConfig::default().per_second(0.0).ratio(0.5).capacity(3));
    let (inner, probe) = Strict::new(|_, request| if request == 0 { Act::Err } else { Act::Ok });
    let mut service = Retry::new(ByHand(budget.clone()), inner);
    assert!(call(&mut service, 0).await.is_err());
    assert_eq!(
        (probe.calls(), budget.snapshot().refused),
        (4, 1),
        "the first, and three that it could afford"
    );
    for request in 1..=2 {
        assert_eq!(call(&mut service, request).await, Ok(request));
    }
    assert!((budget.snapshot().available - 1.0).abs() < 1e-5);
}
