use std::time::Duration;

use buttress::{CallError, Classify, Outcome, RejectedKind, Timeout, TimeoutLayer, deadline};
use tokio::time::Instant;
use tower::Layer;

use crate::support::{Act, Strict, call, rejection};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn tm_01_an_answer_at_the_limit_wins() {
    for (answer, in_time) in [(99, true), (100, true), (101, false)] {
        let (inner, _probe) = Strict::always(Act::After(answer * MS));
        let start = Instant::now();
        let result = call(&mut TimeoutLayer::new(100 * MS).layer(inner), 1).await;
        assert_eq!(result.is_ok(), in_time, "{answer} ms: {result:?}");
        assert_eq!(start.elapsed(), answer.min(100) * MS);
    }
}

#[tokio::test(start_paused = true)]
async fn tm_02_the_inner_future_is_dropped_before_the_caller_is_told() {
    let (inner, probe) = Strict::always(Act::Hang);
    let layer = TimeoutLayer::new(100 * MS).name("search");
    let rejected = rejection(call(&mut layer.layer(inner), 1).await);
    assert_eq!(probe.in_flight(), 0);
    assert_eq!(rejected.kind(), RejectedKind::TimedOut);
    assert_eq!((rejected.layer(), rejected.name()), ("timeout", "search"));
    assert_eq!((rejected.limit(), rejected.retry_after()), (Some(100 * MS), None));
    assert!(rejected.was_sent() && !rejected.was_cut_short() && !rejected.was_stalled());
    assert_eq!(rejected.to_string(), "timed out in `search` (limit 100ms)");
    assert_eq!(layer.timeout().snapshot().timed_out, 1);
}

#[tokio::test(start_paused = true)]
async fn bc_03_the_longest_limit_never_fires() {
    let (inner, _probe) = Strict::always(Act::After(Duration::from_secs(86_400 * 365)));
    assert_eq!(call(&mut TimeoutLayer::new(Duration::MAX).layer(inner), 1).await, Ok(1));
}

#[test]
fn a_limit_of_zero_is_refused() {
    let error = TimeoutLayer::try_new(Duration::ZERO).unwrap_err();
    assert_eq!((error.field(), error.value()), ("limit", "0ns"));
    assert!(Timeout::new(MS).set_limit(Duration::ZERO).is_err());
    assert!(TimeoutLayer::try_new(Duration::from_nanos(1)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn tm_06_an_inner_future_that_uses_up_the_cooperative_budget_still_ends() {
    // Every poll drains the budget and asks to be polled again; a timer polled after that would never
    // make progress.
    let greedy = tower::service_fn(|_: u64| async {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        loop {
            sender.send(()).unwrap();
            receiver.recv().await.unwrap();
        }
        #[allow(unreachable_code, reason = "gives the block its type")]
        Ok::<u64, CallError<()>>(0)
    });
    let clock = tokio::spawn(async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
            tokio::time::advance(MS).await;
        }
    });
    let mut service = TimeoutLayer::new(50 * MS).layer(greedy);
    let error = call(&mut service, 1).await.unwrap_err();
    assert_eq!(error.rejected().unwrap().kind(), RejectedKind::TimedOut);
    clock.abort();
}

#[tokio::test(start_paused = true)]
async fn an_earlier_deadline_of_the_caller_cuts_the_call_short() {
    let (inner, _probe) = Strict::always(Act::Hang);
    let layer = TimeoutLayer::new(Duration::from_secs(1));
    let mut service = layer.layer(inner);
    let start = Instant::now();
    let within = deadline::scope(Some(deadline::Deadline::after(5 * MS)), call(&mut service, 1));
    let rejected = rejection(within.await);
    assert_eq!(start.elapsed(), 5 * MS);
    assert!(rejected.was_cut_short());
    let verdict = buttress::ByType.classify(Err::<&u64, _>(&CallError::<()>::Rejected(rejected)));
    assert_eq!((verdict.outcome(), verdict.may_repeat()), (Outcome::Ignored, false));
    let counts = layer.timeout().snapshot();
    assert_eq!((counts.timed_out, counts.cut_short), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_fires_late_tells_of_a_stall() {
    let (inner, _probe) = Strict::always(Act::Hang);
    let mut service = TimeoutLayer::new(Duration::from_secs(1)).layer(inner);
    let pending = tokio::spawn(async move { call(&mut service, 1).await });
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(3)).await;
    let rejected = rejection(pending.await.unwrap());
    assert!(rejected.was_stalled());
    let verdict = buttress::Verdict::from(rejected);
    assert_eq!((verdict.outcome(), verdict.may_repeat()), (Outcome::Ignored, false));
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_late_by_more_than_50_ms_and_by_more_than_a_tenth() {
    for (limit, late, stalled) in [
        (1_000, 60, false),
        (1_000, 100, false),
        (1_000, 101, true),
        (100, 40, false),
        (100, 50, false),
        (100, 51, true),
    ] {
        let (inner, _probe) = Strict::always(Act::Hang);
        let mut service = TimeoutLayer::new(limit * MS).layer(inner);
        let pending = tokio::spawn(async move { call(&mut service, 1).await });
        tokio::task::yield_now().await;
        tokio::time::advance((limit + late) * MS).await;
        assert_eq!(rejection(pending.await.unwrap()).was_stalled(), stalled, "{limit} ms, {late} ms late");
    }
}

#[tokio::test(start_paused = true)]
async fn nested_limits_show_the_inner_service_the_earliest() {
    let seen = tower::service_fn(|_: u64| async {
        let at_first = deadline::current().unwrap().remaining();
        tokio::time::sleep(2 * MS).await;
        Ok::<_, CallError<()>>((at_first, deadline::current().unwrap().remaining()))
    });
    let inner = TimeoutLayer::new(10 * MS).layer(seen);
    let mut both = TimeoutLayer::new(30 * MS).layer(inner);
    assert_eq!(call(&mut both, 1).await, Ok((10 * MS, 8 * MS)));
    assert_eq!(deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_lets_go_on() {
    let (inner, _probe) = Strict::always(Act::After(500 * MS));
    let layer = TimeoutLayer::new(100 * MS).dry_run(true);
    assert_eq!(call(&mut layer.layer(inner), 1).await, Ok(1));
    let counts = layer.timeout().snapshot();
    assert_eq!((counts.timed_out, counts.would_time_out), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_puts_no_deadline_into_force() {
    let seen = tower::service_fn(|_: u64| async { Ok::<_, CallError<()>>(deadline::current()) });
    assert_eq!(call(&mut TimeoutLayer::new(MS).dry_run(true).layer(seen), 1).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn the_limit_changes_at_run_time_and_forks_stand_alone() {
    let (inner, _probe) = Strict::always(Act::Hang);
    let layer = TimeoutLayer::new(100 * MS).name("a");
    let handle = layer.timeout();
    let fork = layer.fork("b");
    handle.set_limit(40 * MS).unwrap();
    let start = Instant::now();
    rejection(call(&mut layer.layer(inner), 1).await);
    assert_eq!(start.elapsed(), 40 * MS);
    assert_eq!((fork.timeout().limit(), fork.timeout().snapshot().calls), (100 * MS, 0));
    assert_eq!((handle.name().as_str(), fork.timeout().name().as_str()), ("a", "b"));
}

#[tokio::test(start_paused = true)]
async fn a_handle_taken_early_sees_what_later_setters_do() {
    let layer = TimeoutLayer::new(MS);
    let handle = layer.timeout();
    assert!(handle.name().as_str().contains("timeout/mod.rs:"), "{}", handle.name());
    let _layer = layer.name("late").dry_run(true);
    assert_eq!(handle.name().as_str(), "late");
}
