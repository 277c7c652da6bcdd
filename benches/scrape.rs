//! What a scrape of a process with many engines costs, and what it does to calls meanwhile.
//!
//! `cargo bench --bench scrape --features prometheus`.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use buttress::metrics::{TextFormat, text};
use buttress::registry::Registry;
use buttress::{CallError, ClientStack, client_stack};
use criterion::{Criterion, criterion_group, criterion_main};
use tower::{Layer, Service, ServiceExt, service_fn};

/// Six engines each: 1,200 in all.
const STACKS: usize = 200;

/// Stacks that have something to tell: histograms with counts in them, causes, a breaker that is open.
fn stacks() -> Vec<ClientStack> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let stacks: Vec<_> = (0..STACKS).map(|number| client_stack(format!("dependency-{number}"))).collect();
    runtime.block_on(async {
        for stack in &stacks {
            let inner = service_fn(|request: u64| async move {
                tokio::task::yield_now().await;
                let busy = || CallError::Inner(std::io::Error::other("busy"));
                if request % 8 == 0 { Err(busy()) } else { Ok(request) }
            });
            let mut service = stack.layer(inner);
            for request in 1..64 {
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
        use prometheus_client::encoding::text::encode;
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(buttress::metrics::prometheus::Engines));
        b.iter(|| {
            let mut text = String::with_capacity(8_000_000);
            encode(&mut text, &registry).expect("a string takes everything");
            black_box(text)
        });
    });
    group.finish();
    drop(stacks);
}

criterion_group!(benches, scrape);
criterion_main!(benches);
