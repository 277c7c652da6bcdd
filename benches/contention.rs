//! What a call costs while other threads call through the same engine.
//!
//! `cargo bench --bench contention`. Each thread has its own clone of the service and makes the same number of calls;
//! the time is from the first start to the last end, divided by the calls of one thread. With more threads than
//! processors, threads also wait for their turn: divide by the ratio before comparing.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::disallowed_methods, reason = "a bench measures on the clock of the wall")]

mod support;
mod timed;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use support::AtOnce;
use tower::{Layer, Service};

const THREADS: [u64; 3] = [1, 2, 4];

/// Which key a thread sends.
#[derive(Clone, Copy)]
enum Keys {
    Same,
    OfItsOwn,
}

fn together<S>(service: &S, threads: u64, iterations: u64, keys: Keys) -> Duration
where
    S: Service<u64, Response = u64> + Clone + Send,
{
    let barrier = Barrier::new(usize::try_from(threads).expect("a few"));
    let run = |thread: u64| {
        let (mut service, barrier) = (service.clone(), &barrier);
        move || {
            let key = match keys {
                Keys::Same => 0,
                Keys::OfItsOwn => thread,
            };
            barrier.wait();
            let start = Instant::now();
            support::calls(&mut service, (0..iterations).map(|_| key));
            (start, Instant::now())
        }
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(run(thread))).collect();
        let times: Vec<_> = running.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        let first = times.iter().map(|(start, _)| *start).min().expect("a thread");
        let last = times.iter().map(|(_, end)| *end).max().expect("a thread");
        last - first
    })
}

fn measure<S>(c: &mut Criterion, name: &str, keys: Keys, service: &S)
where
    S: Service<u64, Response = u64> + Clone + Send,
{
    let mut group = c.benchmark_group(name);
    for threads in THREADS {
        group.bench_function(BenchmarkId::new("threads", threads), |b| {
            b.iter_custom(|iterations| together(service, threads, iterations, keys));
        });
    }
}

fn contention(c: &mut Criterion) {
    measure(c, "bare", Keys::Same, &AtOnce);
    measure(c, "breaker, last 100 calls", Keys::Same, &support::last_calls().layer(AtOnce));
    measure(c, "breaker, 10 s", Keys::Same, &support::ten_seconds().layer(AtOnce));
    measure(c, "bulkhead", Keys::Same, &support::bulkhead().layer(AtOnce));
    measure(c, "rate limit", Keys::Same, &support::rate_limit().layer(AtOnce));
    let per_key = support::per_key(support::PLENTY).layer(AtOnce);
    measure(c, "rate limit per key, the same key", Keys::Same, &per_key);
    measure(c, "rate limit per key, a key for each thread", Keys::OfItsOwn, &per_key);
    measure(c, "retry with budget", Keys::Same, &support::retry().layer(AtOnce));
    measure(c, "five stacked", Keys::Same, &support::five(AtOnce));
}

criterion_group! {
    name = benches;
    config = timed::criterion();
    targets = contention
}
criterion_main!(benches);
