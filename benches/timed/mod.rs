//! How the benches that take time do it.

#![allow(dead_code, reason = "each bench takes what it needs")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use tower::{Service, ServiceExt};

use crate::support::{all_alike, runtime};

/// Short enough that all benches together end in minutes.
pub(crate) fn criterion() -> Criterion {
    let short = Criterion::default().warm_up_time(Duration::from_millis(300));
    short.measurement_time(Duration::from_secs(1)).sample_size(50)
}

/// The time of one call after the other, as a task of tokio's makes them. Without its cooperative budget: a loop of many
/// calls uses it up, as a request of its own does not, and whoever asks tokio whether to proceed would be told to wait.
#[expect(clippy::disallowed_methods, reason = "a bench measures on the clock of the wall")]
pub(crate) fn measure<S>(c: &mut Criterion, group: &str, name: &str, mut service: S)
where
    S: Service<u64, Response = u64>,
    S::Error: std::fmt::Debug,
{
    let runtime = runtime();
    c.benchmark_group(group).bench_function(name, |b| {
        b.iter_custom(|iterations| {
            runtime.block_on(tokio::task::unconstrained(async {
                let (mut answered, mut failed) = (0, 0);
                let start = Instant::now();
                for request in 0..iterations {
                    let service = ServiceExt::<u64>::ready(&mut service).await.expect("ready");
                    let result = black_box(service.call(black_box(request)).await);
                    if result.is_ok() { answered += 1 } else { failed += 1 }
                }
                let elapsed = start.elapsed();
                all_alike(answered, failed);
                elapsed
            }))
        });
    });
}
