//! What it costs to make a layer, to put it around a service, and to clone that service.
//!
//! `cargo bench --bench construction`. What is made is dropped again, and that is in the figures. A layer is made once
//! for each dependency; axum and hyper make services per route and connection, and clone them per request.

#![allow(missing_docs, reason = "criterion's macros make public items")]

mod support;
mod timed;

use buttress::{client_stack, server_stack};
use criterion::{Criterion, criterion_group, criterion_main};
use support::AtOnce;
use tower::Layer;

fn measure<L>(c: &mut Criterion, name: &str, new: impl Fn() -> L)
where
    L: Layer<AtOnce, Service: Clone>,
{
    let layer = new();
    let service = layer.layer(AtOnce);
    c.benchmark_group("new layer").bench_function(name, |b| b.iter(&new));
    c.benchmark_group("layer a service").bench_function(name, |b| b.iter(|| layer.layer(AtOnce)));
    c.benchmark_group("clone the service").bench_function(name, |b| b.iter(|| service.clone()));
}

fn construction(c: &mut Criterion) {
    measure(c, "breaker, last 100 calls", support::last_calls);
    measure(c, "breaker, 10 s", support::ten_seconds);
    measure(c, "bulkhead", support::bulkhead);
    measure(c, "bulkhead with a queue", support::queued);
    measure(c, "rate limit", support::rate_limit);
    measure(c, "rate limit that waits", support::waiting);
    measure(c, "rate limit per key", || support::per_key(support::PLENTY));
    measure(c, "retry", support::retry);
    measure(c, "timeout", support::timeout);
    measure(c, "fallback", support::fallback);
    measure(c, "client_stack", || client_stack("bench"));
    measure(c, "server_stack", || server_stack("bench"));
}

criterion_group! {
    name = benches;
    config = timed::criterion();
    targets = construction
}
criterion_main!(benches);
