//! A value or a closure answers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use buttress::{
    BoxError, BulkheadLayer, ByType, Classify, Fallback, FallbackLayer, Fallen, Outcome, RejectedKind,
    Verdict,
};
use tower::{Layer, Service};

use super::counts;
use crate::support::{Act, Fail, Strict, TestError, call, now, poll_once, poll_ready};

#[tokio::test(start_paused = true)]
async fn a_value_answers_what_is_no_success() {
    let (inner, probe) = Strict::new(|_, request| if request == 0 { Act::Err } else { Act::Ok });
    let layer = FallbackLayer::value(100_u64).name("ratings");
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 7).await, Ok(7));
    assert_eq!(call(&mut service, 0).await, Ok(100));
    assert_eq!((probe.calls(), probe.violations(), probe.clones()), (2, 0, 0));
    let seen = counts(&layer.fallback());
    assert_eq!((seen.name.as_str(), seen.calls, seen.degraded, seen.failed), ("ratings", 2, 1, 0));
    assert_eq!(seen.causes, [("error", 1)]);
}

#[tokio::test(start_paused = true)]
async fn every_verdict_but_success_asks_it() {
    let verdicts = [
        (Verdict::success(), false),
        (Verdict::failure("x"), true),
        (Verdict::throttled(), true),
        (Verdict::ignored("x"), true),
    ];
    for (verdict, asked) in verdicts {
        let layer =
            FallbackLayer::value(100_u64).classify_fn(move |result: Result<&u64, &Fail>| match result {
                Ok(100) => Verdict::success(),
                _ => verdict,
            });
        let answer = now(&mut layer.layer(Strict::ok().0), 7).unwrap();
        assert_eq!(answer == 100, asked, "{verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_answers_what_layers_below_refuse() {
    let below = BulkheadLayer::new(1);
    let _held = below.bulkhead().try_admit().unwrap();
    let layer = FallbackLayer::value(100_u64);
    assert_eq!(now(&mut layer.layer(below.layer(Strict::ok().0)), 7), Ok(100));
    assert_eq!(counts(&layer.fallback()).causes, [("bulkhead_full", 1)]);
}

#[tokio::test(start_paused = true)]
async fn tm_13_only_the_chosen_verdicts_ask_it() {
    let below = BulkheadLayer::new(1);
    let layer =
        FallbackLayer::value(100_u64).on(|verdict| verdict.rejected() == Some(RejectedKind::BulkheadFull));
    let mut service = layer.layer(below.layer(Strict::always(Act::Err).0));
    assert_eq!(now(&mut service, 7), Err(Fail::Inner(TestError(7))), "the error is the service's own");
    let _held = below.bulkhead().try_admit().unwrap();
    assert_eq!(now(&mut service, 7), Ok(100));
    // Also verdicts that are successes, if somebody wants that.
    let zero = FallbackLayer::value(100_u64).on(|_| true);
    assert_eq!(now(&mut zero.layer(Strict::ok().0), 7), Ok(100));
}

/// Not `Clone`: neither the closure nor what it holds has to be.
struct Table(AtomicU64);

#[tokio::test(start_paused = true)]
async fn a_closure_sees_the_result_and_its_meaning() {
    let table = Table(AtomicU64::new(0));
    let layer = FallbackLayer::with(move |fallen: Fallen<u64, Fail>| {
        assert_eq!((fallen.verdict().outcome(), fallen.verdict().cause()), (Outcome::Failure, "error"));
        assert!(fallen.result().is_some_and(Result::is_err));
        match fallen.into_result() {
            Some(Err(Fail::Inner(TestError(request)))) => Ok(request + table.0.fetch_add(10, SeqCst)),
            other => panic!("{other:?}"),
        }
    });
    let mut service = layer.layer(Strict::always(Act::Err).0);
    assert_eq!(call(&mut service, 1).await, Ok(1));
    assert_eq!(call(&mut service.clone(), 1).await, Ok(11));
    assert_eq!(counts(&layer.fallback()).degraded, 2);
}

#[tokio::test(start_paused = true)]
async fn tm_13_an_error_of_the_fallback_is_passed_on_and_counted() {
    let own = Fail::Inner(TestError(99));
    let other = own.clone();
    let layer = FallbackLayer::with(move |fallen: Fallen<u64, Fail>| match fallen.into_result() {
        Some(Err(Fail::Inner(TestError(1)))) => Err(other.clone()),
        result => result.unwrap(),
    });
    let mut service = layer.layer(Strict::always(Act::Err).0);
    assert_eq!(call(&mut service, 1).await, Err(own));
    assert_eq!(call(&mut service, 2).await, Err(Fail::Inner(TestError(2))), "the closure passes it on");
    let seen = counts(&layer.fallback());
    assert_eq!((seen.degraded, seen.failed), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn tm_13_a_cancelled_call_asks_no_fallback() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let layer = FallbackLayer::with(move |_: Fallen<u64, Fail>| Ok(count.fetch_add(1, SeqCst)));
    let (inner, probe) = Strict::always(Act::Hang);
    let mut service = layer.layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    let mut future = Box::pin(service.call(1));
    assert!(poll_once(future.as_mut()).is_pending());
    drop(future);
    assert!(poll_ready(&mut service).is_ready());
    drop(service.call(1));
    assert_eq!((asked.load(SeqCst), probe.in_flight(), counts(&layer.fallback()).degraded), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn tm_13_a_panic_of_the_closure_reaches_the_caller_and_leaks_nothing() {
    let below = BulkheadLayer::new(1);
    let layer = FallbackLayer::with(|fallen: Fallen<u64, Fail>| -> Result<u64, Fail> {
        panic!("scripted panic after {}", fallen.verdict().cause())
    });
    let mut service = layer.layer(below.layer(Strict::always(Act::Err).0));
    for _ in 0..3 {
        assert!(std::panic::catch_unwind(AssertUnwindSafe(|| now(&mut service, 1))).is_err());
        assert_eq!(below.bulkhead().snapshot().in_flight, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_readiness_is_answered_and_not_sent() {
    let (inner, probe) = Strict::ok();
    let value = FallbackLayer::value(100_u64).on(|_| false);
    assert_eq!(value.layer(inner.clone()).call(7).await, Ok(100));
    let layer = FallbackLayer::with(|fallen: Fallen<u64, Fail>| {
        let verdict = *fallen.verdict();
        assert_eq!((verdict.cause(), verdict.was_sent(), verdict.may_repeat()), ("not_ready", false, false));
        assert!(fallen.result().is_none() && fallen.into_result().is_none());
        Ok(100)
    });
    assert_eq!(layer.layer(inner).call(7).await, Ok(100));
    let seen = counts(&layer.fallback());
    assert_eq!((seen.calls, seen.rejected, seen.admitted, seen.degraded), (1, 1, 0, 1));
    assert_eq!((probe.calls(), probe.violations()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_permit_below_is_free_before_the_fallback_answers() {
    let below = BulkheadLayer::new(1);
    let bulkhead = below.bulkhead();
    let layer = FallbackLayer::with(move |_: Fallen<u64, Fail>| Ok(bulkhead.snapshot().in_flight));
    assert_eq!(now(&mut layer.layer(below.layer(Strict::always(Act::Err).0)), 7), Ok(0));
}

#[test]
fn the_engine_works_without_tower() {
    let fallback = Fallback::new();
    assert!(fallback.name().as_str().contains("fallback/answer.rs:"), "{}", fallback.name());
    let error = || Err::<u64, BoxError>("down".into());
    assert_eq!(fallback.or_else(Ok::<_, BoxError>(7), |_| Ok(100)).unwrap(), 7);
    assert_eq!(fallback.or_else(error(), |_| Ok(100)).unwrap(), 100);
    assert!(fallback.or_else(error(), |fallen| fallen.into_result().unwrap()).is_err());
    let seen = counts(&fallback);
    assert_eq!((seen.calls, seen.degraded, seen.failed), (3, 1, 1));

    #[derive(Debug)]
    struct Odd;
    impl<E> Classify<u64, E> for Odd {
        fn classify(&self, result: Result<&u64, &E>) -> Verdict {
            if result.is_ok_and(|n| n % 2 == 1) { Verdict::success() } else { Verdict::failure("even") }
        }
        fn mark_degraded(&self, answer: &mut u64) {
            *answer += 1_000;
        }
    }
    let odd = Fallback::default().named("odd");
    assert_eq!(odd.or_else_by(&Odd, Ok::<_, BoxError>(8), |_| Ok(9)).unwrap(), 1_009);
    assert_eq!(odd.or_else_by(&Odd, Ok::<_, BoxError>(8), |_| Ok(10)).unwrap(), 10, "no success, no mark");
}

#[tokio::test(start_paused = true)]
async fn engines_are_shared_forked_and_replaced() {
    let layer = FallbackLayer::value(100_u64).name("a");
    let handle = layer.fallback();
    let fork = layer.fork("b");
    let both = FallbackLayer::with(|_: Fallen<u64, Fail>| Ok(1)).engine(handle.clone()).classify(ByType);
    for service in
        [&mut layer.layer(Strict::always(Act::Err).0), &mut layer.layer(Strict::always(Act::Err).0)]
    {
        call(service, 1).await.unwrap();
    }
    call(&mut both.layer(Strict::always(Act::Err).0), 1).await.unwrap();
    assert_eq!((counts(&handle).degraded, counts(&fork.fallback()).calls), (3, 0));
    assert_eq!((handle.name().as_str(), fork.fallback().name().as_str()), ("a", "b"));
    assert_eq!(handle.fork("c").snapshot().calls, 0);
    let shown = format!("{both:?}");
    assert!(shown.contains("With(") && shown.contains("ByType"), "{shown}");
}
