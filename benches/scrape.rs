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
        for stack in &stacks {
            let mut service = stack.layer(inner());
            for request in 1..32 {
                let _ = service.ready().await.expect("ready").call(request).await;
            }
        }
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
    let mut group = c.benchmark_group(format!("{engines} engines, {lines} lines, {bytes} bytes"));
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

const CALLS: u64 = 400_000;

/// How long single calls of one stack took.
fn calls(stack: &ClientStack) -> Histogram<u64> {
    let mut took = Histogram::new(3).expect("a histogram");
    runtime().block_on(async {
        let mut service = stack.layer(inner());
        for request in 0..CALLS {
            let start = Instant::now();
            let service = service.ready().await.expect("ready");
            // One that succeeds: a failed one sleeps before it is repeated.
            black_box(service.call(8 * request + 1).await.expect("answered"));
            took.saturating_record(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    });
    took
}

/// Calls while another thread does something without pause, on a machine with two processors or more.
fn calls_while(what: &str, stack: &ClientStack, work: impl Fn() + Sync) {
    let (stop, rounds) = (AtomicBool::new(false), std::sync::atomic::AtomicU64::new(0));
    let took = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                work();
                rounds.fetch_add(1, Relaxed);
            }
        });
        let took = calls(stack);
        stop.store(true, Relaxed);
        took
    });
    let at = |share| took.value_at_quantile(share);
    println!(
        "calls while another thread {what}: mean {:.0} ns, p50 {}, p99 {}, p99.9 {}, p99.99 {}, max {} ({} rounds)",
        took.mean(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(0.9999),
        took.max(),
        rounds.load(Relaxed)
    );
}

fn blocking(_: &mut Criterion) {
    let stacks = stacks();
    let snapshot = Registry::global().snapshot();
    let stack = &stacks[STACKS / 2];
    for _ in 0..3 {
        // The same work, but for the looks at the engines.
        calls_while("writes an old snapshot", stack, || {
            drop(black_box(text(&snapshot, TextFormat::OpenMetrics)))
        });
        calls_while("scrapes without pause", stack, || {
            drop(black_box(text(&Registry::global().snapshot(), TextFormat::OpenMetrics)));
        });
        calls_while("only takes snapshots", stack, || drop(black_box(Registry::global().snapshot())));
    }
}

criterion_group!(benches, scrape, blocking);
criterion_main!(benches);
