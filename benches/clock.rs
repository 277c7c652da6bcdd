//! What it costs to read a clock, and how fine each of them is: the ground for what `src/clock` reads.
//!
//! `cargo bench --bench clock`. The coarse clock is that of the kernel's last tick.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench of clocks reads them, and prints"
)]

mod support;
mod timed;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

/// The smallest step that a clock was seen to make, of many.
fn step(elapsed: impl Fn() -> Duration) -> Duration {
    let mut last = elapsed();
    let mut smallest = Duration::MAX;
    let end = Instant::now() + Duration::from_millis(50);
    while Instant::now() < end {
        let now = elapsed();
        if now > last {
            smallest = smallest.min(now - last);
            last = now;
        }
    }
    smallest
}

fn clocks(c: &mut Criterion) {
    let quanta = quanta::Clock::new();
    let start = quanta.raw();
    let (system, tokio, coarse) = (Instant::now(), tokio::time::Instant::now(), coarsetime::Instant::now());
    println!("smallest steps: std {:?}", step(|| system.elapsed()));
    println!("smallest steps: quanta {:?}", step(|| quanta.delta(start, quanta.raw())));
    println!("smallest steps: coarse {:?}", step(|| coarse.elapsed().into()));

    let mut group = c.benchmark_group("clock");
    group.bench_function("std", |b| b.iter(|| black_box(system).elapsed()));
    group.bench_function("tokio", |b| b.iter(|| black_box(tokio).elapsed()));
    group.bench_function("quanta", |b| b.iter(|| quanta.delta_as_nanos(black_box(start), quanta.raw())));
    group.bench_function("coarse", |b| b.iter(|| black_box(coarse).elapsed()));
    group.finish();
}

criterion_group! {
    name = benches;
    config = timed::criterion();
    targets = clocks
}
criterion_main!(benches);
