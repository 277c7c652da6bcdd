//! A request that is exempt, through the suite. It has a service of its own that it readies by itself, so that what was
//! ready before it came is not what it is sent to: the check for that is left out.

use buttress::BulkheadLayer;
use buttress::http::{ExemptLayer, ExemptWhen};
use http::Request;

use super::{Laws, OverHttp, Unreadied, auto_traits, bulkhead_laws, checks as c, frugal, run};

/// No request gets to the second bulkhead; the first one tells what came.
type Exempt = OverHttp<(BulkheadLayer, ExemptLayer<BulkheadLayer, ExemptWhen<fn(&Request<u64>) -> bool>>)>;

fn make() -> Exempt {
    let all: fn(&Request<u64>) -> bool = |_| true;
    OverHttp((BulkheadLayer::new(1), ExemptLayer::when(BulkheadLayer::new(1), all)))
}

fn laws(layer: &Exempt) -> Laws {
    assert_eq!(layer.0.1.get_ref().bulkhead().snapshot().calls, 0);
    bulkhead_laws(&layer.0.0.bulkhead())
}

#[test]
fn calls_the_readied_receiver() {
    run(c::calls_the_readied_receiver(make, laws));
}

#[test]
fn readiness_reserves_nothing() {
    run(c::readiness_reserves_nothing(make, laws));
}

#[test]
fn pending_readiness_is_passed_on_and_woken() {
    run(c::pending_readiness_is_passed_on_and_woken(make));
}

#[test]
fn only_the_inner_error_comes_from_poll_ready() {
    run(c::only_the_inner_error_comes_from_poll_ready(make));
}

#[test]
fn a_call_without_readiness_reaches_no_unready_service() {
    run(c::a_call_without_readiness(make, laws, Unreadied::Rejected));
}

#[test]
fn dropped_futures_release_everything() {
    run(c::dropped_futures_release_everything(make, laws));
}

#[test]
fn completion_releases_before_the_drop() {
    run(c::completion_releases_before_the_drop(make, laws));
}

#[test]
fn panics_reach_the_caller_and_release() {
    run(c::panics_reach_the_caller_and_release(make, laws));
}

#[test]
fn a_panic_that_is_caught_releases_at_once() {
    run(c::a_panic_that_is_caught_releases_at_once(make, laws));
}

#[test]
fn a_buffer_survives_above_and_below() {
    run(c::a_buffer_survives_above_and_below(make));
}

#[test]
fn state_is_shared_by_all_services_of_a_layer() {
    run(c::state_is_shared_by_all_services_of_a_layer(make, laws));
}

#[test]
fn everything_is_made_outside_a_runtime() {
    c::everything_is_made_outside_a_runtime(make, laws);
}

#[test]
fn an_admitted_call_allocates_nothing() {
    frugal::an_admitted_call_allocates_nothing(make);
}

#[test]
fn auto_traits_follow_the_inner_types() {
    auto_traits::of_layer(make);
}
