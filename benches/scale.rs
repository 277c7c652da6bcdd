//! Whether a call costs more with a larger window, or with more keys; and what a key takes in memory.
//!
//! `cargo bench --bench scale`. Keys are drawn before the calls, all of them are in the table, and governor's own keyed
//! check has the same ones. Bare is what reading the drawn keys costs.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::print_stdout, reason = "what criterion has no words for")]

mod support;
mod timed;

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use buttress::Verdict;
use buttress::circuit_breaker::Window;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use governor::DefaultKeyedRateLimiter;
use peak_alloc::PeakAlloc;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Uniform, Zipf};
use support::{AtOnce, PLENTY};
use timed::measure;
use tower::Layer;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn windows(c: &mut Criterion) {
    measure(c, "breaker, last calls", "bare", AtOnce);
    for calls in [10, 1_000, 100_000, 1_000_000] {
        let mut service = support::breaker(Window::last_calls(calls)).layer(AtOnce);
        // From here on each call takes the place of an old one.
        support::calls(&mut service, 0..u64::from(calls));
        measure(c, "breaker, last calls", &calls.to_string(), service);
    }
    measure(c, "breaker, time", "bare", AtOnce);
    for (seconds, buckets) in [(1, 10), (10, 10), (60, 60), (60, 1_000), (3_600, 1_000)] {
        let window = Window::Time { length: Duration::from_secs(seconds), buckets };
        let name = format!("{seconds} s in {buckets} buckets");
        measure(c, "breaker, time", &name, support::breaker(window).layer(AtOnce));
    }
}

fn keys(c: &mut Criterion) {
    const SEED: u64 = 7;
    let mut random = StdRng::seed_from_u64(SEED);
    for keys in [1, 1_000, 100_000, 1_000_000] {
        let uniform = Uniform::new(0, keys).expect("not empty");
        let drawn: Vec<u64> = uniform.sample_iter(&mut random).take(DRAWN).collect();
        each_limiter(c, "uniform", keys, &drawn);
    }
    for keys in [1_000_u32, 100_000, 1_000_000] {
        let zipf = Zipf::new(f64::from(keys), 1.0).expect("not empty");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to the number of keys"
        )]
        let drawn: Vec<u64> =
            zipf.sample_iter(&mut random).map(|key: f64| key as u64 - 1).take(DRAWN).collect();
        each_limiter(c, "Zipf", u64::from(keys), &drawn);
    }
}

/// Many more than the caches of a processor hold counters for.
const DRAWN: usize = 1 << 20;

fn each_limiter(c: &mut Criterion, distribution: &str, keys: u64, drawn: &[u64]) {
    let mut group = c.benchmark_group(format!("rate limit per key, {distribution}"));
    let mut request = drawn.iter().copied().cycle();
    let mut next = || request.next().expect("it has no end");

    let layer = support::per_key(PLENTY).max_keys(10_000_000);
    let limiter = layer.limiter();
    (0..keys).for_each(|key| limiter.try_admit(&key).expect("plenty"));
    let governors = governors();
    (0..keys).for_each(|key| governors.check_key(&key).expect("plenty"));
    let (mut bare, mut service) = (AtOnce, layer.layer(AtOnce));

    let bench = |name| BenchmarkId::new(name, keys);
    group.bench_function(bench("bare"), |b| b.iter(|| support::calls(&mut bare, std::iter::once(next()))));
    group.bench_function(bench("call"), |b| b.iter(|| support::calls(&mut service, std::iter::once(next()))));
    group.bench_function(bench("check"), |b| b.iter(|| black_box(limiter.try_admit(&next()))));
    group.bench_function(bench("governor's check"), |b| b.iter(|| black_box(governors.check_key(&next()))));
}

fn governors() -> DefaultKeyedRateLimiter<u64> {
    let plenty = NonZeroU32::new(1_000_000_000).expect("not zero");
    DefaultKeyedRateLimiter::keyed(governor::Quota::per_second(plenty))
}

/// Bytes on the heap for each key, the room that a table keeps for more of them included.
fn memory(_: &mut Criterion) {
    println!("bytes per key        ours    governor's");
    for keys in [1_000, 100_000, 1_000_000] {
        let layer = support::per_key(PLENTY).max_keys(10_000_000);
        let ours = per_key(keys, |key| layer.limiter().try_admit(&key).is_ok());
        let governors = governors();
        let theirs = per_key(keys, |key| governors.check_key(&key).is_ok());
        println!("{keys:>9} keys {ours:>10.1} {theirs:>13.1}");
    }
    println!("bytes per key     breaker      bulkhead");
    for keys in [1_000, 10_000] {
        let (breaker, bulkhead) = (support::breaker_per_key(), support::bulkhead_per_key());
        let breakers = per_key(keys, |key| {
            let permit = breaker.breaker().try_admit(&key);
            permit.map(|permit| permit.settle(Verdict::success())).is_ok()
        });
        let bulkheads = per_key(keys, |key| bulkhead.bulkhead().try_admit(&key).is_ok());
        println!("{keys:>9} keys {breakers:>10.1} {bulkheads:>13.1}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn per_key(keys: u64, admit: impl Fn(u64) -> bool) -> f64 {
    let before = ALLOCATOR.current_usage();
    assert!((0..keys).all(admit));
    ALLOCATOR.current_usage().saturating_sub(before) as f64 / keys as f64
}

criterion_group! {
    name = benches;
    config = timed::criterion();
    targets = memory, windows, keys
}
criterion_main!(benches);
