//! One suite that every layer in every mode runs through: DESIGN's admission protocol as seen by a strict
//! inner service.
//!
//! Unlike all others it also runs without `test-util`, on the clock that users get.
//!
//! `contract!` makes a module of tests from a layer and its laws; `contract_any_inner!` adds, for layers
//! that ask nothing of the inner service, one that is neither `Clone` nor `Send`.

mod access;
mod auto_traits;
mod borrowed;
mod checks;
mod exempt;
mod frugal;
mod over_http;

use std::time::Duration;

use buttress::bulkhead::{Queued, RejectNow};
use buttress::circuit_breaker::Window;
use buttress::http::{
    ExemptLayer, GrpcTrailers, InheritDeadlineLayer, ProblemJsonLayer, PropagateLayer, RefuseRepeatsLayer,
    UntilBodyEnd,
};
use buttress::{
    Bulkhead, BulkheadLayer, ByType, CircuitBreakerConfig, CircuitBreakerLayer, Cloned, Fallback,
    FallbackLayer, Fallen, Quota, RateLimitLayer, RetryLayer, RetryPolicy, TimeoutLayer, Verdict, fallback,
};

use crate::support::{Fail, Strict};
use over_http::OverHttp;

/// The counters that every engine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Laws {
    pub calls: u64,
    pub admitted: u64,
    pub rejected: u64,
    /// Permits held, for engines that hold any.
    pub in_flight: u64,
}

/// In a runtime of its own, its time paused if that is how the layers were built.
fn run(check: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    #[cfg(feature = "test-util")]
    runtime.start_paused(true);
    runtime.enable_all().build().unwrap().block_on(check);
}

/// What becomes of a call without readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadied {
    /// Rejected: the layer has a way to say so.
    Rejected,
    /// Answered all the same, by a service that was readied first or without one.
    Answered,
}

macro_rules! contract {
    ($name:ident, $make:expr, $unreadied:ident, $laws:expr) => {
        mod $name {
            use super::*;
            use checks as c;

            #[test]
            fn calls_the_readied_receiver() {
                run(c::calls_the_readied_receiver($make, $laws));
            }
            #[test]
            fn readiness_reserves_nothing() {
                run(c::readiness_reserves_nothing($make, $laws));
            }
            #[test]
            fn ready_stays_ready() {
                run(c::ready_stays_ready($make));
            }
            #[test]
            fn pending_readiness_is_passed_on_and_woken() {
                run(c::pending_readiness_is_passed_on_and_woken($make));
            }
            #[test]
            fn only_the_inner_error_comes_from_poll_ready() {
                run(c::only_the_inner_error_comes_from_poll_ready($make));
            }
            #[test]
            fn a_call_without_readiness_reaches_no_unready_service() {
                run(c::a_call_without_readiness($make, $laws, Unreadied::$unreadied));
            }
            #[test]
            fn dropped_futures_release_everything() {
                run(c::dropped_futures_release_everything($make, $laws));
            }
            #[test]
            fn completion_releases_before_the_drop() {
                run(c::completion_releases_before_the_drop($make, $laws));
            }
            #[test]
            fn panics_reach_the_caller_and_release() {
                run(c::panics_reach_the_caller_and_release($make, $laws));
            }
            #[test]
            fn a_panic_that_is_caught_releases_at_once() {
                run(c::a_panic_that_is_caught_releases_at_once($make, $laws));
            }
            #[test]
            fn a_buffer_survives_above_and_below() {
                run(c::a_buffer_survives_above_and_below($make));
            }
            #[test]
            fn state_is_shared_by_all_services_of_a_layer() {
                run(c::state_is_shared_by_all_services_of_a_layer($make, $laws));
            }
            #[test]
            fn everything_is_made_outside_a_runtime() {
                c::everything_is_made_outside_a_runtime($make, $laws);
            }
            #[test]
            fn an_admitted_call_allocates_nothing() {
                frugal::an_admitted_call_allocates_nothing($make);
            }
            #[test]
            fn a_call_that_waits_for_its_answer_allocates_nothing() {
                run(async { frugal::a_call_that_waits_for_its_answer_allocates_nothing($make) });
            }
            #[test]
            fn auto_traits_follow_the_inner_types() {
                auto_traits::of_layer($make);
            }
        }
    };
}

macro_rules! contract_any_inner {
    ($name:ident, $make:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn takes_an_inner_service_that_is_neither_clone_nor_send() {
                auto_traits::takes_any_inner_service($make);
            }
        }
    };
}

const LONG: Duration = Duration::from_secs(3_600);

contract!(timeout, || TimeoutLayer::new(LONG), Rejected, |layer: &TimeoutLayer| {
    let s = layer.timeout().snapshot();
    Laws { calls: s.calls, admitted: s.admitted, rejected: s.rejected, in_flight: 0 }
});
contract_any_inner!(timeout_any_inner, || TimeoutLayer::new(LONG));

fn bulkhead_laws(bulkhead: &Bulkhead) -> Laws {
    let s = bulkhead.snapshot();
    assert_eq!(s.admitted, s.completed + s.cancelled + s.in_flight, "{s:?}");
    Laws { calls: s.calls, admitted: s.admitted, rejected: s.rejected, in_flight: s.in_flight + s.waiting }
}

contract!(bulkhead, || BulkheadLayer::new(1), Rejected, |layer: &BulkheadLayer| {
    bulkhead_laws(&layer.bulkhead())
});
contract_any_inner!(bulkhead_any_inner, || BulkheadLayer::new(1));
contract!(bulkhead_queued, || BulkheadLayer::new(1).queue(1, LONG), Rejected, |layer: &BulkheadLayer<
    Queued,
>| bulkhead_laws(
    &layer.bulkhead()
));

fn retry_laws<C, P>(layer: &RetryLayer<C, P>) -> Laws {
    let s = layer.retry().snapshot();
    assert_eq!(s.attempts, s.calls + s.retries, "attempts = calls + retries: {s:?}");
    Laws { calls: s.calls, admitted: s.calls, rejected: 0, in_flight: 0 }
}

contract!(retry, || RetryLayer::new(RetryPolicy::default()), Answered, retry_laws);
contract!(retry_cloned, || RetryLayer::new(RetryPolicy::default()).repeat(Cloned), Answered, retry_laws);

fn breaker_laws(layer: &CircuitBreakerLayer) -> Laws {
    let s = layer.breaker().snapshot();
    let ended = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
    assert_eq!(s.admitted, ended + s.in_flight, "{s:?}");
    Laws { calls: s.calls, admitted: s.admitted, rejected: s.rejected, in_flight: s.in_flight }
}

fn last_calls() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().window(Window::last_calls(100))
}

fn slow_calls() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().slow_call_duration(Duration::from_secs(1)).slow_call_rate(0.5)
}

contract!(breaker_last_calls, || CircuitBreakerLayer::new(last_calls()), Rejected, breaker_laws);
contract!(breaker_time, || CircuitBreakerLayer::new(CircuitBreakerConfig::default()), Rejected, breaker_laws);
contract!(
    breaker_backpressure,
    || CircuitBreakerLayer::new(last_calls()).backpressure(),
    Rejected,
    breaker_laws
);
contract!(breaker_slow_calls, || CircuitBreakerLayer::new(slow_calls()), Rejected, breaker_laws);
contract_any_inner!(breaker_any_inner, || CircuitBreakerLayer::new(last_calls()));
contract_any_inner!(breaker_backpressure_any_inner, || {
    CircuitBreakerLayer::new(last_calls()).backpressure()
});

const PLENTY: Quota = Quota::per_second(1_000_000);

macro_rules! rate_limit_laws {
    () => {
        |layer| {
            let s = layer.limiter().snapshot();
            Laws { calls: s.calls, admitted: s.admitted, rejected: s.rejected, in_flight: 0 }
        }
    };
}

contract!(rate_limit_reject_now, || RateLimitLayer::new(PLENTY), Rejected, rate_limit_laws!());
contract_any_inner!(rate_limit_any_inner, || RateLimitLayer::new(PLENTY));
contract!(
    rate_limit_with_cost,
    || RateLimitLayer::new(PLENTY).cost(|request: &u64| 1 + (request % 3) as u32),
    Rejected,
    rate_limit_laws!()
);
contract!(rate_limit_wait, || RateLimitLayer::new(PLENTY).wait(LONG), Rejected, rate_limit_laws!());
contract!(
    rate_limit_per_key,
    || RateLimitLayer::per_key(PLENTY, |request: &u64| Some(request % 4)),
    Rejected,
    rate_limit_laws!()
);
contract_any_inner!(rate_limit_per_key_any_inner, || {
    RateLimitLayer::per_key(PLENTY, |request: &u64| Some(*request))
});

fn keyed_breaker_laws<K, C, R>(layer: &buttress::KeyedCircuitBreakerLayer<K, C, R>) -> Laws {
    let s = layer.breaker().snapshot();
    let ended = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
    assert_eq!(s.admitted, ended + s.in_flight, "{s:?}");
    Laws { calls: s.calls, admitted: s.admitted, rejected: s.rejected, in_flight: s.in_flight }
}

contract!(
    breaker_per_key,
    || CircuitBreakerLayer::per_key(last_calls(), |request: &u64| Some(request % 4)),
    Rejected,
    keyed_breaker_laws
);
contract!(
    breaker_per_key_slow_calls,
    || CircuitBreakerLayer::per_key(slow_calls(), |request: &u64| Some(request % 4)),
    Rejected,
    keyed_breaker_laws
);
contract_any_inner!(breaker_per_key_any_inner, || {
    CircuitBreakerLayer::per_key(last_calls(), |request: &u64| Some(*request))
});

fn keyed_bulkhead_laws<K, M, R>(layer: &buttress::KeyedBulkheadLayer<K, M, R>) -> Laws {
    let s = layer.bulkhead().snapshot();
    assert_eq!(s.admitted, s.completed + s.cancelled + s.in_flight, "{s:?}");
    Laws { calls: s.calls, admitted: s.admitted, rejected: s.rejected, in_flight: s.in_flight + s.waiting }
}

contract!(
    bulkhead_per_key,
    || BulkheadLayer::per_key(1, |request: &u64| Some(request % 4)),
    Rejected,
    keyed_bulkhead_laws
);
contract!(
    bulkhead_per_key_queued,
    || BulkheadLayer::per_key(1, |request: &u64| Some(request % 4)).queue(1, LONG),
    Rejected,
    keyed_bulkhead_laws
);
contract_any_inner!(bulkhead_per_key_any_inner, || BulkheadLayer::per_key(1, |request: &u64| Some(*request)));

fn fallback_laws(fallback: &Fallback) -> Laws {
    let s = fallback.snapshot();
    Laws { calls: s.calls, admitted: s.admitted, rejected: s.rejected, in_flight: 0 }
}

/// No verdict of these tests: their errors are to pass through.
fn elsewhere(verdict: &Verdict) -> bool {
    verdict.cause() == "elsewhere"
}

type Elsewhere<M> = FallbackLayer<M, ByType, fn(&Verdict) -> bool>;

fn fallback_value() -> Elsewhere<fallback::Value<u64>> {
    FallbackLayer::value(0).on(elsewhere as fn(&Verdict) -> bool)
}

type Closure = fn(Fallen<u64, Fail>) -> Result<u64, Fail>;

fn fallback_with() -> Elsewhere<fallback::With<Closure>> {
    let with: Closure = |_| Ok(0);
    FallbackLayer::with(with).on(elsewhere as fn(&Verdict) -> bool)
}

fn fallback_service() -> Elsewhere<fallback::ToService<Strict>> {
    FallbackLayer::service(Strict::ok().0).on(elsewhere as fn(&Verdict) -> bool)
}

contract!(fallback_value, fallback_value, Answered, |layer: &Elsewhere<_>| fallback_laws(&layer.fallback()));
contract!(fallback_with, fallback_with, Answered, |layer: &Elsewhere<_>| fallback_laws(&layer.fallback()));
contract!(fallback_service, fallback_service, Answered, |layer: &Elsewhere<_>| fallback_laws(
    &layer.fallback()
));
contract_any_inner!(fallback_value_any_inner, fallback_value);
contract_any_inner!(fallback_with_any_inner, fallback_with);
contract_any_inner!(fallback_service_any_inner, fallback_service);

fn held(bulkhead: &Bulkhead) -> u64 {
    bulkhead_laws(bulkhead).in_flight
}

contract!(client_stack, || buttress::client_stack("contract"), Rejected, |stack: &buttress::ClientStack| {
    let total = stack.total_timeout.timeout().snapshot();
    let in_flight = breaker_laws(&stack.circuit_breaker).in_flight + held(&stack.bulkhead.bulkhead());
    Laws { calls: total.calls, admitted: total.admitted, rejected: total.rejected, in_flight }
});
contract!(server_stack, || buttress::server_stack("contract"), Rejected, |stack: &buttress::ServerStack| {
    let total = stack.total_timeout.timeout().snapshot();
    let in_flight = held(&stack.bulkhead.bulkhead());
    Laws { calls: total.calls, admitted: total.admitted, rejected: total.rejected, in_flight }
});
type BreakerOverHttp = OverHttp<UntilBodyEnd<CircuitBreakerLayer, GrpcTrailers>>;
type BulkheadOverHttp<M> = OverHttp<UntilBodyEnd<BulkheadLayer<M>>>;

contract!(
    breaker_until_body_end,
    || OverHttp(CircuitBreakerLayer::new(last_calls()).until_body_end()),
    Rejected,
    |layer: &BreakerOverHttp| breaker_laws(layer.0.get_ref())
);
contract!(
    bulkhead_until_body_end,
    || OverHttp(BulkheadLayer::new(1).until_body_end()),
    Rejected,
    |layer: &BulkheadOverHttp<RejectNow>| bulkhead_laws(&layer.0.get_ref().bulkhead())
);
contract!(
    bulkhead_queued_until_body_end,
    || OverHttp(BulkheadLayer::new(1).queue(1, LONG).until_body_end()),
    Rejected,
    |layer: &BulkheadOverHttp<Queued>| bulkhead_laws(&layer.0.get_ref().bulkhead())
);
fn of_four(request: &http::Request<u64>) -> Option<u64> {
    Some(request.body() % 4)
}

contract!(
    breaker_per_key_until_body_end,
    || OverHttp(CircuitBreakerLayer::per_key(last_calls(), of_four).until_body_end()),
    Rejected,
    |layer: &OverHttp<UntilBodyEnd<_, _>>| keyed_breaker_laws(layer.0.get_ref())
);
contract!(
    bulkhead_per_key_until_body_end,
    || OverHttp(BulkheadLayer::per_key(1, of_four).until_body_end()),
    Rejected,
    |layer: &OverHttp<UntilBodyEnd<_>>| keyed_bulkhead_laws(layer.0.get_ref())
);
contract!(
    bulkhead_per_key_queued_until_body_end,
    || OverHttp(BulkheadLayer::per_key(1, of_four).queue(1, LONG).until_body_end()),
    Rejected,
    |layer: &OverHttp<UntilBodyEnd<_>>| keyed_bulkhead_laws(layer.0.get_ref())
);
contract_any_inner!(breaker_until_body_end_any_inner, || {
    OverHttp(CircuitBreakerLayer::new(last_calls()).until_body_end())
});
contract_any_inner!(bulkhead_until_body_end_any_inner, || OverHttp(BulkheadLayer::new(1).until_body_end()));

/// What reads or writes headers has no engine; that of the bulkhead inside tells what came through.
type Around<L> = OverHttp<(L, BulkheadLayer)>;

contract!(
    inherit_deadline,
    || OverHttp((InheritDeadlineLayer::new(), BulkheadLayer::new(1))),
    Rejected,
    |layer: &Around<InheritDeadlineLayer>| bulkhead_laws(&layer.0.1.bulkhead())
);
contract!(
    propagate,
    || OverHttp((PropagateLayer::new(), BulkheadLayer::new(1))),
    Rejected,
    |layer: &Around<PropagateLayer>| bulkhead_laws(&layer.0.1.bulkhead())
);
contract!(
    refuse_repeats,
    || {
        let bulkhead = BulkheadLayer::new(1);
        OverHttp((RefuseRepeatsLayer::new(bulkhead.bulkhead()), bulkhead))
    },
    Rejected,
    |layer: &Around<RefuseRepeatsLayer>| bulkhead_laws(&layer.0.1.bulkhead())
);
contract_any_inner!(inherit_deadline_any_inner, || OverHttp(InheritDeadlineLayer::new()));
contract_any_inner!(propagate_any_inner, || OverHttp(PropagateLayer::new()));
contract_any_inner!(refuse_repeats_any_inner, || OverHttp(RefuseRepeatsLayer::new(Bulkhead::new(1))));

contract!(
    limited_and_not_exempt,
    || OverHttp(ExemptLayer::new(BulkheadLayer::new(1), ["/healthz"])),
    Rejected,
    |layer: &OverHttp<ExemptLayer<BulkheadLayer>>| bulkhead_laws(&layer.0.get_ref().bulkhead())
);
contract!(
    problem_json,
    || OverHttp((ProblemJsonLayer::new(), BulkheadLayer::new(1))),
    Rejected,
    |layer: &Around<ProblemJsonLayer>| bulkhead_laws(&layer.0.1.bulkhead())
);
contract_any_inner!(problem_json_any_inner, || OverHttp(ProblemJsonLayer::new()));

/// The counters do not show a cell that was taken by looking.
#[test]
fn readiness_takes_no_cell_of_a_rate_limit() {
    fn of<L: checks::Subject>(layer: &L) {
        let mut idle: Vec<_> = (0..10_000).map(|_| layer.layer(Strict::ok().0)).collect();
        assert!(idle.iter_mut().all(|service| crate::support::poll_ready(service).is_ready()));
    }
    // Without a refill in the time that this takes.
    let quota = Quota::every(LONG).burst(10);
    let now = RateLimitLayer::new(quota);
    let waits = RateLimitLayer::new(quota).wait(LONG);
    let by_cost = RateLimitLayer::new(quota).cost(|_: &u64| 2);
    let per_key = RateLimitLayer::per_key(quota, |_: &u64| Some(1_u64));
    of(&now);
    of(&waits);
    of(&by_cost);
    of(&per_key);
    for room in [
        now.limiter().peek(),
        waits.limiter().peek(),
        by_cost.limiter().peek(),
        per_key.limiter().peek(&1_u64),
    ] {
        assert_eq!(room.remaining, 10);
    }
}
