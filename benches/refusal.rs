//! What it costs to say no: a layer that refuses, beside the bare service, one that answers and one that fails.
//!
//! `cargo bench --bench refusal`.

#![allow(missing_docs, reason = "criterion's macros make public items")]

mod support;
mod timed;

use buttress::{CallError, RejectedKind};
use criterion::{Criterion, criterion_group, criterion_main};
use support::{AtOnce, Error, Failing};
use timed::measure;
use tower::{Layer, Service, ServiceExt};

const GROUP: &str = "refusal";

/// Measures a service after a look at whether it does refuse.
fn refused<S>(c: &mut Criterion, name: &str, service: S, kind: RejectedKind)
where
    S: Service<u64, Response = u64, Error = Error> + Clone,
{
    let answer = support::runtime().block_on(service.clone().oneshot(0));
    let Err(CallError::Rejected(rejected)) = answer else { panic!("{name}: {answer:?}") };
    assert_eq!(rejected.kind(), kind, "{name}");
    measure(c, GROUP, name, service);
}

fn refusal(c: &mut Criterion) {
    measure(c, GROUP, "bare", AtOnce);
    measure(c, GROUP, "bare, failing", Failing);
    refused(c, "breaker, open", support::open().layer(AtOnce), RejectedKind::CircuitOpen);
    refused(c, "bulkhead, full", support::full().layer(AtOnce), RejectedKind::BulkheadFull);
    refused(c, "rate limit, drained", support::drained().layer(AtOnce), RejectedKind::RateLimited);
}

/// One key, whatever the request.
fn refusal_per_key(c: &mut Criterion) {
    let service = support::drained_per_key(1).layer(AtOnce).map_request(|_: u64| 0);
    refused(c, "rate limit per key, drained", service, RejectedKind::RateLimited);
}

/// What failed is not repeated, because the budget is empty.
fn no_repeat(c: &mut Criterion) {
    let layer = support::no_budget();
    let retry = layer.retry();
    measure(c, GROUP, "retry of a failing service, no budget", layer.layer(Failing));
    let snapshot = retry.snapshot();
    assert_eq!(snapshot.calls, snapshot.attempts, "nothing was repeated");
}

criterion_group! {
    name = benches;
    config = timed::criterion();
    targets = refusal, refusal_per_key, no_repeat
}
criterion_main!(benches);
