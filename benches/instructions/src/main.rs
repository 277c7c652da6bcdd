//! Makes so many calls through one layer, for an instruction counter to watch: `instructions CASE CALLS`.
//!
//! Run by `benches/instructions.sh`, which takes the difference of two runs, so that what is done once
//! (construction, the runtime) falls out.

#![allow(clippy::print_stdout, reason = "it lists its cases")]

#[path = "../../support/mod.rs"]
mod support;

use std::hint::black_box;

use buttress::{Verdict, client_stack, server_stack};
use support::{AtOnce, Failing, PendingOnce};
use tower::{Layer, Service};

type Case = (&'static str, fn(u64));

/// Calls through a layer around a service.
macro_rules! case {
    ($name:literal, $layer:expr, $inner:expr) => {
        ($name, |n| calls($layer.layer($inner), n))
    };
}

/// Makes the thing so often.
macro_rules! make {
    ($name:literal, $what:expr) => {
        ($name, |n| (0..n).for_each(|_| drop(black_box($what))))
    };
}

fn calls(mut service: impl Service<u64, Response = u64>, n: u64) {
    support::calls(&mut service, 0..n);
}

/// Few, so that all are in the table before the shorter run ends.
const KEYS: u64 = 100;

fn keyed_calls(layer: impl Layer<AtOnce, Service: Service<u64, Response = u64>>, n: u64) {
    support::calls(&mut layer.layer(AtOnce), (0..n).map(|request| request % KEYS));
}

const CASES: &[Case] = &[
    ("bare", |n| calls(AtOnce, n)),
    case!("breaker_last_calls", support::last_calls(), AtOnce),
    case!("breaker_time", support::ten_seconds(), AtOnce),
    case!("bulkhead", support::bulkhead(), AtOnce),
    case!("bulkhead_queue", support::queued(), AtOnce),
    case!("rate_limit", support::rate_limit(), AtOnce),
    case!("rate_limit_wait", support::waiting(), AtOnce),
    ("rate_limit_per_key", |n| keyed_calls(support::per_key(support::PLENTY), n)),
    case!("retry", support::retry(), AtOnce),
    case!("timeout", support::timeout(), AtOnce),
    case!("fallback", support::fallback(), AtOnce),
    ("five", |n| calls(support::five(AtOnce), n)),
    case!("client_stack", client_stack("bench"), AtOnce),
    case!("server_stack", server_stack("bench"), AtOnce),
    ("try_admit_breaker", |n| {
        let breaker = support::last_calls().breaker();
        (0..n).for_each(|_| breaker.try_admit().expect("closed").settle(Verdict::success()));
    }),
    // The answer is there at the second poll.
    ("pending_bare", |n| calls(PendingOnce, n)),
    case!("pending_breaker_time", support::ten_seconds(), PendingOnce),
    case!("pending_bulkhead_queue", support::queued(), PendingOnce),
    case!("pending_timeout", support::timeout(), PendingOnce),
    ("pending_five", |n| calls(support::five(PendingOnce), n)),
    case!("pending_client_stack", client_stack("bench"), PendingOnce),
    case!("pending_server_stack", server_stack("bench"), PendingOnce),
    // The layer says no, or its service does.
    ("failing_bare", |n| calls(Failing, n)),
    case!("refused_breaker", support::open(), AtOnce),
    case!("refused_bulkhead", support::full(), AtOnce),
    case!("refused_rate_limit", support::drained(), AtOnce),
    ("refused_rate_limit_per_key", |n| keyed_calls(support::drained_per_key(KEYS), n)),
    case!("refused_retry", support::no_budget(), Failing),
    case!("fallen_back", support::fallback(), Failing),
    // Made and dropped.
    make!("new_breaker_last_calls", support::last_calls()),
    make!("new_breaker_time", support::ten_seconds()),
    make!("new_bulkhead", support::bulkhead()),
    make!("new_rate_limit", support::rate_limit()),
    make!("new_rate_limit_per_key", support::per_key(support::PLENTY)),
    make!("new_retry", support::retry()),
    make!("new_timeout", support::timeout()),
    make!("new_fallback", support::fallback()),
    make!("new_client_stack", client_stack("bench")),
    make!("new_server_stack", server_stack("bench")),
    ("layer_client_stack", |n| {
        let stack = client_stack("bench");
        (0..n).for_each(|_| drop(black_box(stack.layer(AtOnce))));
    }),
    ("clone_client_stack_service", |n| {
        let service = client_stack("bench").layer(AtOnce);
        (0..n).for_each(|_| drop(black_box(service.clone())));
    }),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [case, count] = words.as_slice() else {
        CASES.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let (_, run) = CASES.iter().find(|(name, _)| name == case).expect("a case");
    let runtime = support::runtime();
    let _entered = runtime.enter();
    // The clock tries out how fast it goes, which takes now more rounds and now fewer: before we count.
    drop(support::last_calls());
    counted(*run, count.parse().expect("a number of calls"));
}

/// All that is counted happens in here.
#[inline(never)]
fn counted(run: fn(u64), count: u64) {
    run(count);
}
