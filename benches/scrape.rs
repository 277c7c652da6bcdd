//! What a scrape of a process with many engines costs, and what calls feel of it.
//!
//! `cargo bench --bench scrape --features prometheus`.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::disallowed_methods, reason = "a bench measures on the clock of the wall")]
#![allow(clippy::print_stdout, reason = "what criterion has no words for")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use buttress::metrics::{TextFormat, text};
use buttress::registry::Registry;
use buttress::{CallError, ClientStack, client_stack};
use criterion::{Criterion, criterion_group, criterion_main};
use hdrhistogram::Histogram;
use tower::{Layer, Service, service_fn};

/// Six engines each: 1,200 in all.
const STACKS: usize = 200;

type Error = CallError<std::io::Error>;

/// Answers at the second poll; one call in eight fails.
fn inner() -> impl Service<u64, Response = u64, Error = Error, Future = impl Send> + Clone {
    service_fn(|request: u64| async move {
        tokio::task::yield_now().await;
        let busy = || CallError::Inner(std::io::Error::other("busy"));
        if request.is_multiple_of(8) { Err(busy()) } else { Ok(request) }
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Stacks that have something to tell: histograms with counts in them, and causes.
fn stacks() -> Vec<ClientStack> {
    let stacks: Vec<_> = (0..STACKS).map(|number| client_stack(format!("dependency-{number}"))).collect();
    runtime().block_on(async {
        let mut filled = tokio::task::JoinSet::new();
        for stack in &stacks {
            let mut service = stack.layer(inner());
            filled.spawn(async move {
                for request in 1..32 {
                    let _ = service.ready().await.expect("ready").call(request).await;
                }
            });
        }
        while filled.join_next().await.is_some() {}
    });
    stacks
}

fn scrape(c: &mut Criterion) {
    let stacks = stacks();
    let registry = Registry::global();
    let snapshot = registry.snapshot();
    let written = text(&snapshot, TextFormat::OpenMetrics);
    let (lines, bytes) = (written.lines().count(), written.len());
    let engines = snapshot.engines.len();
    let mut once: Vec<_> = (0..300)
        .map(|_| {
            let start = Instant::now();
            black_box(text(&registry.snapshot(), TextFormat::OpenMetrics));
            start.elapsed()
        })
        .collect();
    once.sort_unstable();
    println!(
        "{engines} engines, {lines} lines, {bytes} bytes: fastest {:?}, median {:?}",
        once[0], once[150]
    );
    let mut group = c.benchmark_group("scrape");
    group.bench_function("snapshot", |b| b.iter(|| black_box(registry.snapshot())));
    group.bench_function("text", |b| b.iter(|| black_box(text(&snapshot, TextFormat::OpenMetrics))));
    group.bench_function("snapshot and text", |b| {
        b.iter(|| black_box(text(&registry.snapshot(), TextFormat::OpenMetrics)));
    });
    #[cfg(feature = "prometheus")]
    group.bench_function("prometheus-client", |b| {
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(buttress::metrics::prometheus::Engines));
        b.iter(|| {
            let mut text = String::with_capacity(2 * bytes);
            prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes it all");
            black_box(text)
        });
    });
    group.finish();
    drop(stacks);
}

/// Calls of one stack while another thread works without pause; on a machine with two processors or more.
fn calls_while(c: &mut Criterion, what: &str, stack: &ClientStack, work: impl Fn() + Sync) {
    let mut took = Histogram::<u64>::new_with_max(10_000_000_000, 3).expect("a histogram");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                work();
            }
        });
        let mut service = stack.layer(inner());
        let runtime = runtime();
        c.benchmark_group("calls while another thread").bench_function(what, |b| {
            b.iter_custom(|iterations| {
                runtime.block_on(async {
                    let begin = Instant::now();
                    for request in 0..iterations {
                        let start = Instant::now();
                        let service = service.ready().await.expect("ready");
                        // One that succeeds: a failed one sleeps before it is repeated.
                        black_box(service.call(8 * request + 1).await.expect("answered"));
                        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
                        took.saturating_record(nanos);
                    }
                    begin.elapsed()
                })
            });
        });
        stop.store(true, Relaxed);
    });
    if !took.is_empty() {
        let at = |share| took.value_at_quantile(share);
        let (calls, max) = (took.len(), took.max());
        println!(
            "of {calls} calls: p50 {} ns, p99 {}, p99.9 {}, p99.99 {}, max {max}",
            at(0.5),
            at(0.99),
            at(0.999),
            at(0.9999)
        );
    }
}

fn blocking(c: &mut Criterion) {
    let stacks = stacks();
    let snapshot = Registry::global().snapshot();
    let stack = &stacks[STACKS / 2];
    // The same work, but for the looks at the engines.
    calls_while(c, "writes an old snapshot", stack, || {
        drop(black_box(text(&snapshot, TextFormat::OpenMetrics)));
    });
    calls_while(c, "scrapes without pause", stack, || {
        drop(black_box(text(&Registry::global().snapshot(), TextFormat::OpenMetrics)));
    });
    calls_while(c, "only takes snapshots", stack, || drop(black_box(Registry::global().snapshot())));
}

criterion_group!(benches, scrape, blocking);
criterion_main!(benches);
