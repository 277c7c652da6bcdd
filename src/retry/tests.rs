//! How rejections are treated that only this crate can make.

use std::time::Duration;

use tokio::time::Instant;
use tower::{ServiceBuilder, service_fn};

use super::*;
use crate::deadline::{self, Deadline};
use crate::error::CallError;
use crate::name::Name;
use crate::reject::{Rejected, RejectedKind, Source};
use crate::sync::{Arc, AtomicU64, Ordering::SeqCst};

type Fail = CallError<&'static str>;

const MS: Duration = Duration::from_millis(1);

fn refused(kind: RejectedKind, after: Option<Duration>) -> Fail {
    Rejected::unsent(kind, Source::RateLimit, Name::from("scripted").into(), after).into()
}

/// Calls a service whose answers come from the script, the last one for ever. Tells the result, the
/// attempts and the time it took.
async fn run(layer: &RetryLayer, script: Vec<Result<u64, Fail>>) -> (Result<u64, Fail>, u64, Duration) {
    let calls = Arc::new(AtomicU64::new(0));
    let inner = {
        let calls = Arc::clone(&calls);
        service_fn(move |_: u64| {
            let n = calls.fetch_add(1, SeqCst) as usize;
            std::future::ready(script[n.min(script.len() - 1)].clone())
        })
    };
    #[allow(clippy::disallowed_methods, reason = "tokio's paused clock")]
    let start = Instant::now();
    let result = ServiceBuilder::new().layer(layer).service(inner).oneshot(1).await;
    (result, calls.load(SeqCst), start.elapsed())
}

fn layer() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default().jitter(Jitter::None))
}

#[tokio::test(start_paused = true)]
async fn a_rate_limits_wait_is_waited_for_exactly_and_costs_nothing() {
    let layer = layer();
    let limited = || Err(refused(RejectedKind::RateLimited, Some(1_234 * MS)));
    let (result, calls, took) = run(&layer, vec![limited(), Ok(7)]).await;
    assert_eq!((result, calls, took), (Ok(7), 2, 1_234 * MS));
    assert_eq!(layer.retry().budget().unwrap().snapshot().withdrawn, 0);

    // Each is an attempt.
    let (result, calls, took) = run(&layer, vec![limited()]).await;
    assert_eq!((result, calls, took), (limited(), 3, 2 * 1_234 * MS));
    let counts = layer.retry().snapshot();
    assert_eq!((counts.retries, counts.recovered, counts.attempts_exhausted), (3, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_stops_the_loop_when_its_wait_is_too_long() {
    let layer = layer();
    let limited = || Err(refused(RejectedKind::RateLimited, Some(2_001 * MS)));
    assert_eq!(run(&layer, vec![limited()]).await, (limited(), 1, Duration::ZERO));
    assert_eq!(layer.retry().snapshot().rejected, 1);

    let limited = || Err(refused(RejectedKind::RateLimited, Some(500 * MS)));
    let within = deadline::scope(Some(Deadline::after(400 * MS)), run(&layer, vec![limited()]));
    assert_eq!(within.await, (limited(), 1, Duration::ZERO));
    assert_eq!(layer.retry().snapshot().deadline, 1);
}

#[tokio::test(start_paused = true)]
async fn what_refuses_every_call_stops_the_loop_at_once() {
    for kind in [
        RejectedKind::CircuitOpen,
        RejectedKind::BulkheadFull,
        RejectedKind::QueueFull,
        RejectedKind::QueueTimeout,
        RejectedKind::NotReady,
        RejectedKind::CostAboveBurst,
    ] {
        let layer = layer();
        let refusal = || Err(refused(kind, Some(MS)));
        assert_eq!(run(&layer, vec![refusal()]).await, (refusal(), 1, Duration::ZERO), "{kind:?}");
        assert_eq!(layer.retry().budget().unwrap().snapshot().withdrawn, 0, "{kind:?}");
        assert_eq!(layer.retry().snapshot().rejected, 1, "{kind:?}");

        // An earlier result is better news: it says that something was sent.
        let real = || Err(Fail::Inner("reset"));
        assert_eq!(run(&layer, vec![real(), refusal()]).await, (real(), 2, 100 * MS), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_first_attempt_leaves_an_empty_budget_empty() {
    let budget = BudgetConfig::default().ratio(0.5).per_second(0.0);
    let layer = RetryLayer::new(RetryPolicy::default().budget(budget));
    let budget = layer.retry().budget().unwrap();
    while budget.try_withdraw() {}
    for kind in [RejectedKind::CircuitOpen, RejectedKind::BulkheadFull, RejectedKind::RateLimited] {
        let refusal = || Err(refused(kind, Some(3_600_000 * MS)));
        for _ in 0..100 {
            assert_eq!(run(&layer, vec![refusal()]).await, (refusal(), 1, Duration::ZERO));
            let by_hand: Result<u64, Fail> = layer.retry().run(|| std::future::ready(refusal())).await;
            assert_eq!(by_hand, refusal());
        }
        assert_eq!(budget.snapshot().available, 0.0, "{kind:?}");
    }
    let counts = layer.retry().snapshot();
    assert_eq!((counts.calls, counts.attempts, counts.rejected), (600, 600, 600), "each is an attempt");

    // Whatever the service says is traffic of its own; what was never answered is not known to be.
    let failed = Err(Fail::Inner("reset"));
    for (result, available) in [(Ok(1), 0.5), (failed, 0.0), (Ok(2), 0.5)] {
        let _ = run(&layer, vec![result]).await;
        assert_eq!(budget.snapshot().available, available);
    }
    let retry = layer.retry();
    let abandoned = tokio::time::timeout(MS, retry.run(std::future::pending::<Result<u64, Fail>>));
    assert!(abandoned.await.is_err());
    assert_eq!(budget.snapshot().available, 0.5);
}

#[tokio::test(start_paused = true)]
async fn the_last_real_result_survives_any_number_of_refusals() {
    let layer = RetryLayer::new(RetryPolicy::default().jitter(Jitter::None).max_attempts(5));
    let limited = || Err(refused(RejectedKind::RateLimited, Some(MS)));
    let script = vec![limited(), Err(Fail::Inner("first")), Err(Fail::Inner("second")), limited(), limited()];
    let (result, calls, _) = run(&layer, script).await;
    assert_eq!((result, calls), (Err(Fail::Inner("second")), 5));
}

#[tokio::test(start_paused = true)]
async fn the_engine_alone_treats_them_the_same() {
    let retry = layer().retry();
    let mut script =
        [Err(Fail::Inner("reset")), Err(refused(RejectedKind::CircuitOpen, None)), Ok(1)].into_iter();
    let result: Result<u64, Fail> = retry.run(|| std::future::ready(script.next().unwrap())).await;
    assert_eq!(result, Err(Fail::Inner("reset")));
}
