use buttress::explain::{Explanation, Warning, explain};
use buttress::{
    Backoff, CallError, FallbackLayer, Name, Quota, RateLimitLayer, RetryBudget, RetryLayer, RetryPolicy,
    client_stack, server_stack,
};
use tower::Layer;

use super::*;
use crate::support::{Act, Fail, Strict, call_with};

/// What is found, after a look at each text.
fn found(explanation: &Explanation) -> Vec<Warning> {
    for warning in explanation.warnings() {
        let text = warning.to_string();
        assert!(text.len() > 30 && !text.ends_with('.') && !text.contains('_'), "{text}");
        assert!(!warning.kind().is_empty() && explanation.to_string().contains(&text), "{text}");
    }
    explanation.warnings().to_vec()
}

fn named(name: &'static str) -> Name {
    name.into()
}

#[test]
fn the_recommended_stacks_have_none() {
    assert_eq!(found(&client_stack("w-payments").explain()), []);
    assert_eq!(found(&server_stack("w-shop").explain()), []);
    let quota = RateLimitLayer::new(Quota::per_second(500));
    let full = client_stack("w-full").fallback(FallbackLayer::value(1_u64)).rate_limit(quota);
    assert_eq!(found(&full.explain()), []);
}

#[test]
fn the_same_by_hand_has_none() {
    let (total, attempt) = (timeout("w-total", SECOND * 3), timeout("w-attempt", SECOND));
    let parts = (retry("w-right"), breaker("w-right"), bulkhead("w-right"));
    assert_eq!(found(&explain("w-right", &[&total, &parts, &attempt])), []);
}

#[test]
fn a_retry_without_a_total_timeout() {
    let (retry, attempt) = (retry("w-1"), timeout("w-1", SECOND));
    let expected = [Warning::NoTotalTimeout { retry: named("w-1") }];
    assert_eq!(found(&explain("w-1", &[&retry, &attempt])), expected);
    assert_eq!(found(&client_stack("w-1b").without_total_timeout().explain())[0].kind(), "no_total_timeout");
    // One that only counts limits nothing.
    let dry = timeout("w-1-total", SECOND * 3).dry_run(true);
    assert_eq!(found(&explain("w-1", &[&dry, &retry, &attempt])), expected);
    let total = timeout("w-1-total", SECOND * 3);
    assert_eq!(found(&explain("w-1", &[&total, &retry, &attempt])), []);
    // Nothing is repeated: nothing to warn of.
    let once = RetryLayer::new(RetryPolicy::default().max_attempts(1));
    assert_eq!(found(&explain("w-1", &[&once])), []);
}

#[test]
fn a_retry_without_an_attempt_timeout() {
    let (total, retry) = (timeout("w-2-total", SECOND * 3), retry("w-2"));
    let expected = [Warning::NoAttemptTimeout { retry: named("w-2") }];
    assert_eq!(found(&explain("w-2", &[&total, &retry])), expected);
    assert_eq!(found(&client_stack("w-2").without_attempt_timeout().explain()), expected);
}

#[test]
fn a_retry_without_a_budget() {
    let retry = RetryLayer::new(RetryPolicy::default().max_attempts(5).budget(None));
    let expected = [Warning::NoRetryBudget { retry: named("w-3"), attempts: 5 }];
    assert_eq!(found(&client_stack("w-3").retry(retry).explain()), expected);
}

#[test]
fn a_retry_inside_a_retry() {
    let (total, attempt) = (timeout("w-4-total", SECOND * 3), timeout("w-4-attempt", SECOND));
    let outer = RetryLayer::new(RetryPolicy::default().max_attempts(4)).name("w-4-outer");
    let inner = retry("w-4-inner");
    let expected =
        [Warning::RetryInsideRetry { outer: named("w-4-outer"), inner: named("w-4-inner"), attempts: 12 }];
    assert_eq!(found(&explain("w-4", &[&total, &outer, &inner, &attempt])), expected);
}

#[test]
fn a_breaker_or_a_limit_outside_a_retry() {
    let (total, attempt) = (timeout("w-5-total", SECOND * 3), timeout("w-5-attempt", SECOND));
    let (breaker, bulkhead, retry) = (breaker("w-5"), bulkhead("w-5"), retry("w-5"));
    let quota = RateLimitLayer::new(Quota::per_second(9)).name("w-5");
    let name = named("w-5");
    let around =
        |part: &dyn buttress::explain::Part| found(&explain("w-5", &[&total, part, &retry, &attempt]));
    assert_eq!(around(&breaker), [Warning::BreakerOutsideRetry { breaker: name, retry: name }]);
    let limit = |layer| [Warning::LimitOutsideRetry { layer, limit: name, retry: name }];
    assert_eq!(around(&bulkhead), limit("bulkhead"));
    assert_eq!(around(&quota), limit("rate_limit"));
    assert_eq!(found(&explain("w-5", &[&total, &retry, &quota, &bulkhead, &breaker, &attempt])), []);
}

#[test]
fn a_fallback_inside_of_what_it_misleads() {
    let (fallback, breaker) = (FallbackLayer::value(1_u64).name("w-6"), breaker("w-6"));
    let expected =
        [Warning::FallbackInside { fallback: named("w-6"), layer: "circuit_breaker", outer: named("w-6") }];
    assert_eq!(found(&explain("w-6", &[&breaker, &fallback])), expected);
    assert_eq!(found(&explain("w-6", &[&fallback, &breaker])), []);
}

#[test]
fn an_attempt_timeout_above_the_total() {
    let total = timeout("w-7-total", SECOND);
    let retry = retry("w-7");
    for (limit, is_wrong) in [(SECOND - MS, false), (SECOND, true), (SECOND * 2, true)] {
        let attempt = timeout("w-7-attempt", limit);
        let expected = Warning::AttemptAboveTotal {
            attempt: named("w-7-attempt"),
            attempt_limit: limit,
            total: named("w-7-total"),
            total_limit: SECOND,
        };
        let expected: Vec<_> = is_wrong.then_some(expected).into_iter().collect();
        assert_eq!(found(&explain("w-7", &[&total, &retry, &attempt])), expected, "{limit:?}");
        // Of several around it, the shortest counts.
        let outermost = timeout("w-7-outermost", SECOND * 9);
        assert_eq!(found(&explain("w-7", &[&outermost, &total, &retry, &attempt])), expected, "{limit:?}");
    }
}

#[test]
fn a_back_off_above_the_total() {
    let (total, attempt) = (timeout("w-8-total", SECOND), timeout("w-8-attempt", MS * 100));
    let with = |policy: RetryPolicy| {
        let retry = RetryLayer::new(policy).name("w-8");
        found(&explain("w-8", &[&total, &retry, &attempt]))
    };
    let backoff = Backoff::exponential(MS * 500);
    let expected = [Warning::BackoffAboveTotal {
        retry: named("w-8"),
        backoff: SECOND,
        total: named("w-8-total"),
        total_limit: SECOND,
    }];
    assert_eq!(with(RetryPolicy::default().backoff(backoff)), expected);
    // The cap is far above, but with so few attempts it is never reached.
    assert_eq!(with(RetryPolicy::default().backoff(backoff).max_attempts(2)), []);
    assert_eq!(with(RetryPolicy::default().backoff(backoff.cap(MS * 999))), []);
}

#[test]
fn a_wait_above_the_total() {
    let total = timeout("w-9-total", SECOND);
    let (queue, quota) = (bulkhead("w-9").queue(8, SECOND * 2), RateLimitLayer::new(Quota::per_second(9)));
    let quota = quota.name("w-9").wait(SECOND * 2);
    let wait = |layer| {
        [Warning::WaitAboveTimeout {
            layer,
            limit: named("w-9"),
            wait: SECOND * 2,
            timeout: named("w-9-total"),
            timeout_limit: SECOND,
        }]
    };
    assert_eq!(found(&explain("w-9", &[&total, &queue])), wait("bulkhead"));
    assert_eq!(found(&explain("w-9", &[&total, &quota])), wait("rate_limit"));
    // A layer that rejects does not wait, however long the engine would let others wait.
    let rejects = BulkheadLayer::from_bulkhead(queue.bulkhead());
    assert_eq!(found(&explain("w-9", &[&total, &rejects])), []);
    let shorter = bulkhead("w-9").queue(8, MS * 999);
    assert_eq!(found(&explain("w-9", &[&total, &shorter])), []);
    // The limit of an attempt that stands inside does not run while the call waits.
    assert_eq!(found(&explain("w-9", &[&queue, &total])), []);
}

#[test]
fn an_engine_in_two_stacks() {
    let shared = breaker("w-10");
    let a = client_stack("w-10-a").circuit_breaker(shared.clone());
    let b = client_stack("w-10-b").circuit_breaker(shared.clone());
    let expected = [Warning::SharedEngine {
        layer: "circuit_breaker",
        name: named("w-10"),
        stacks: vec![named("w-10-a"), named("w-10-b")],
    }];
    assert_eq!(found(&a.explain()), expected);
    assert_eq!(found(&b.explain()), expected);
    assert_eq!(a.explain().layers()[2].shared_with, ["w-10-b"]);
    assert_eq!(b.explain().layers()[2].shared_with, ["w-10-a"]);
    // By hand, too.
    let attempt = timeout("w-10-attempt", SECOND).stack("w-10-c");
    let of_d = explain("w-10-d", &[&attempt]);
    assert_eq!(found(&of_d)[0].kind(), "shared_engine");
    assert_eq!(found(&explain("w-10-c", &[&attempt])), []);
}

#[test]
fn an_engine_twice_in_one_stack() {
    let limit = timeout("w-11", SECOND);
    let expected = Warning::UsedTwice { layer: "timeout", name: named("w-11") };
    assert!(found(&explain("w-11", &[&limit, &limit.clone()])).contains(&expected));
}

#[test]
fn a_clone_under_another_name() {
    let one = breaker("w-12-one");
    let two = one.clone().name("w-12-two");
    let expected =
        [Warning::TwoNames { layer: "circuit_breaker", name: named("w-12-two"), former: named("w-12-one") }];
    assert_eq!(found(&explain("w-12", &[&two])), expected);
    assert_eq!(found(&explain("w-12", &[&one])), expected);
    assert_eq!(found(&explain("w-12", &[&one.fork("w-12-three")])), []);
    // Another name before anybody else has it is a change of mind.
    assert_eq!(found(&explain("w-12", &[&breaker("w-12-four").name("w-12-five")])), []);
}

#[test]
fn a_budget_may_be_shared() {
    let pool = RetryBudget::new(budget(0.1)).named("w-13-pool");
    let with_pool =
        |name| client_stack(name).retry(RetryLayer::new(RetryPolicy::default()).budget(pool.clone()));
    let (a, b) = (with_pool("w-13-a"), with_pool("w-13-b"));
    assert_eq!(found(&a.explain()), []);
    assert_eq!(a.explain().layers()[1].uses[0].shared_with, ["w-13-b/w-13-b"]);
    assert_eq!(b.explain().layers()[1].uses[0].shared_with, ["w-13-a/w-13-a"]);
}

/// May be copied, and must not be sent twice.
#[derive(Clone, Debug)]
struct Order;

impl buttress::Replay for Order {
    fn replay(&self) -> Option<Self> {
        Some(Self)
    }
    fn repeatable(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_service_that_is_never_asked() {
    let other = tower::service_fn(|_: Order| async { Ok::<u64, Fail>(7) });
    let fallback = FallbackLayer::service(other).name("w-14");
    let (fail, _probe) = Strict::always(Act::Err);
    let broken = tower::service_fn(move |_: Order| {
        let mut fail = fail.clone();
        async move { crate::support::call(&mut fail, 1).await }
    });
    let mut service = fallback.layer(broken);
    assert_eq!(found(&explain("w-14", &[&fallback])), []);
    for _ in 0..3 {
        assert!(matches!(call_with(&mut service, Order).await, Err(CallError::Inner(_))));
    }
    let expected = [Warning::FallbackWithheld { fallback: named("w-14"), calls: 3 }];
    assert_eq!(found(&explain("w-14", &[&fallback])), expected);
}
