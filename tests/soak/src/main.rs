//! Millions of calls through a stack of every kind of layer on several threads: some are dropped, some panic, some fail, hang and are
//! refused, while others isolate, reset, resize, reconfigure and scrape. In the end nothing may be left behind.
//!
//! `soak [CALLS] [SEED]`, run by `tests/soak.sh`. It exits with 1, and says why, if anything was lost or does not add up.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it reports what it found")]
#![allow(clippy::disallowed_methods, reason = "it runs on real time")]
#![allow(unreachable_pub, reason = "nobody depends on it")]

mod control;
#[path = "../../support/dice.rs"]
mod dice;
mod grows;
mod hands;
mod inner;
#[path = "../../support/laws.rs"]
mod laws;
mod stack;
mod totals;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

use buttress::registry::Registry;
use peak_alloc::PeakAlloc;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use control::{Control, Wrong};
use dice::Dice;
use grows::Grows;
use hands::Done;
use inner::Counts;
use stack::{Engines, Svc};
use worker::Seen;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// More than there are processors, so that threads are stopped anywhere.
const THREADS: usize = 4;
const WORKERS: u64 = 64;
const HANDS: u64 = 4;
const CONTROLLERS: u64 = 2;
/// How long there may be no call at all before somebody must have been forgotten. The longest that a call takes is
/// what a limit that was switched off for a while waits: a good second.
const STUCK: Duration = Duration::from_secs(20);
/// By how much more memory may be in use after all calls than after the first tenth, with nothing in flight. All tables
/// are full by then; what differs is the length of texts in the journal, and the runtime's own spare memory.
const HEAP_GROWTH: usize = 256 * 1_024;

type Verdict<T> = Result<T, Vec<String>>;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).map(|arg| arg.replace('_', "").parse::<u64>());
    let (Ok(calls), Ok(seed)) = (args.next().unwrap_or(Ok(10_000_000)), args.next().unwrap_or(Ok(1))) else {
        eprintln!("usage: soak [CALLS] [SEED]");
        return ExitCode::from(2);
    };
    println!("soak: {calls} calls through every kind of layer, seed {seed}, {THREADS} threads");
    match soak(calls, seed) {
        Ok(()) => {
            println!("nothing was lost, and everything adds up");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            wrong.iter().for_each(|wrong| eprintln!("error: {wrong}"));
            ExitCode::FAILURE
        }
    }
}

fn soak(calls: u64, seed: u64) -> Verdict<()> {
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_time().build();
    let runtime = runtime.map_err(|error| vec![error.to_string()])?;
    let counts = Arc::new(Counts::default());
    let (engines, service) = stack::build(&counts);
    let mut soak = Soak {
        runtime,
        counts,
        engines,
        dice: Dice::new(seed),
        seen: Seen::default(),
        hands: Done::default(),
    };
    let start = Instant::now();
    let mut heaps = Vec::new();
    for until in [calls / 10, calls / 2, calls] {
        soak.traffic(&service, until.saturating_sub(soak.seen.made))?;
        soak.check_quiet(&service)?;
        heaps.push(HEAP.current_usage());
        println!(
            "{:>12} calls, {:>6.1} s, {:>9} bytes of heap",
            soak.seen.made,
            start.elapsed().as_secs_f64(),
            heaps[heaps.len() - 1]
        );
    }
    soak.report();
    none(soak.too_tame())?;
    let grown = heaps[2].saturating_sub(heaps[0]);
    if grown > HEAP_GROWTH {
        return Err(vec![format!(
            "the heap has grown by {grown} bytes since the first tenth, and may by {HEAP_GROWTH}"
        )]);
    }
    Ok(())
}

struct Soak {
    runtime: Runtime,
    counts: Arc<Counts>,
    engines: Engines,
    dice: Dice,
    seen: Seen,
    hands: Done,
}

impl Soak {
    fn dice(&mut self) -> Dice {
        Dice::new(self.dice.roll())
    }

    /// So many calls, with everything that goes on beside them.
    fn traffic(&mut self, service: &impl Svc, calls: u64) -> Verdict<()> {
        self.counts.healthy.store(false, SeqCst);
        let (progress, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let wrong = Arc::new(Wrong::default());
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let share = calls / WORKERS + u64::from(worker < calls % WORKERS);
                let (service, dice, progress) = (service.clone(), self.dice(), Arc::clone(&progress));
                self.runtime.spawn(async move { worker::work(service, share, dice, &progress).await })
            })
            .collect();
        let hands: Vec<_> = (0..HANDS)
            .map(|_| {
                let (engines, dice, stop) = (self.engines.clone(), self.dice(), Arc::clone(&stop));
                self.runtime.spawn(async move { hands::use_by_hand(engines, dice, &stop).await })
            })
            .collect();
        let controllers: Vec<_> = (0..CONTROLLERS)
            .map(|_| {
                let (control, stop) = (self.control(&wrong), Arc::clone(&stop));
                self.runtime.spawn(async move { control.run(&stop).await })
            })
            .collect();

        for seen in self.join(workers, &progress)? {
            self.seen += seen;
        }
        stop.store(true, SeqCst);
        self.join(controllers, &progress)?;
        self.calm();
        for done in self.join(hands, &progress)? {
            self.hands += done;
        }
        none(wrong.take())
    }

    fn control(&mut self, wrong: &Arc<Wrong>) -> Control {
        Control {
            engines: self.engines.clone(),
            inner: Arc::clone(&self.counts),
            dice: self.dice(),
            wrong: Arc::clone(wrong),
            grows: Grows::default(),
        }
    }

    /// What they all return; or who is stuck.
    fn join<T>(&self, tasks: Vec<JoinHandle<T>>, progress: &AtomicU64) -> Verdict<Vec<T>> {
        let (mut made, mut since) = (progress.load(Relaxed), Instant::now());
        while !tasks.iter().all(JoinHandle::is_finished) {
            self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
            let now = progress.load(Relaxed);
            if now != made {
                (made, since) = (now, Instant::now());
            } else if since.elapsed() > STUCK {
                let stuck = tasks.iter().filter(|task| !task.is_finished()).count();
                let state = self.engines.snapshots();
                let held = state.iter().filter_map(laws::held);
                let stuck = format!("{stuck} callers wait for ever: no call was made for {STUCK:?}");
                return Err(std::iter::once(stuck).chain(held).collect());
            }
        }
        let results = tasks.into_iter().map(|task| self.runtime.block_on(task));
        results.map(|result| result.map_err(|error| vec![error.to_string()])).collect()
    }

    /// Nobody holds or switches anything any more.
    fn calm(&self) {
        Registry::global().clear_mode("soak");
        for engine in self.engines.all() {
            engine.clear_override("soak");
        }
        self.engines.breaker.automatic();
        self.engines.configure();
        self.counts.healthy.store(true, SeqCst);
    }

    /// Nothing is held, everything adds up, and whoever calls now is served.
    fn check_quiet(&mut self, service: &impl Svc) -> Verdict<()> {
        let tasks = self.runtime.metrics().num_alive_tasks();
        let mut wrong: Vec<_> = (tasks > 0).then(|| format!("{tasks} tasks are left")).into_iter().collect();
        for engine in self.engines.snapshots() {
            wrong.extend(
                [laws::broken(&engine), laws::held(&engine), laws::switched(&engine)].into_iter().flatten(),
            );
        }
        wrong.extend(totals::differences(&self.engines, &self.counts, &self.seen, &self.hands));
        wrong.extend(self.all_permits());
        none(wrong)?;
        let seen = self.runtime.block_on(worker::until_served(service.clone(), Duration::from_secs(5)));
        self.seen += seen.map_err(|wrong| vec![wrong])?;
        none(totals::differences(&self.engines, &self.counts, &self.seen, &self.hands))
    }

    /// The bulkhead admits as many as its limit, and not one more.
    fn all_permits(&mut self) -> Option<String> {
        let limit = self.engines.bulkhead.snapshot().limit;
        let permits: Vec<_> =
            std::iter::from_fn(|| self.engines.bulkhead.try_admit().ok()).take(limit + 1).collect();
        let count = permits.len() as u64;
        for permit in permits {
            permit.complete();
        }
        self.hands += Done {
            bulkhead_asked: count + 1,
            bulkhead_admitted: count,
            completed: count,
            refused: 1,
            ..Done::default()
        };
        (count != limit as u64).then(|| format!("the bulkhead has {count} places, and should have {limit}"))
    }

    /// It was not as rough as promised. Of few calls that says nothing.
    fn too_tame(&self) -> Vec<String> {
        let Seen { made, dropped, panicked, answered, .. } = self.seen;
        let shares = [("dropped", dropped, 10), ("panicked", panicked, 100), ("answered", answered, 5)];
        let few = shares.into_iter().filter(|(_, count, of)| made >= 1_000_000 && count * of < made);
        let few =
            few.map(|(what, count, of)| format!("{count} calls were {what}, and one in {of} should be"));
        let never = self.by_key().into_iter().filter(|(_, count)| made >= 1_000_000 && *count == 0);
        few.chain(never.map(|(what, _)| format!("no call by key {what}"))).collect()
    }

    /// What befell calls in the layers by key.
    fn by_key(&self) -> [(&'static str, u64); 5] {
        let Engines { keyed, circuits, compartments, .. } = &self.engines;
        let (keyed, circuits, compartments) =
            (keyed.snapshot(), circuits.snapshot(), compartments.snapshot());
        [
            ("was over its quota", keyed.rejected),
            ("found a circuit open", circuits.rejected),
            ("waited", compartments.queue_wait.count()),
            ("shared a circuit for want of a place", circuits.overflowed),
            ("shared a compartment for want of a place", compartments.overflowed),
        ]
    }

    fn report(&self) {
        let (seen, breaker) = (&self.seen, self.engines.breaker.snapshot());
        let share = |part: u64| 100.0 * part as f64 / seen.made as f64;
        for (what, count) in [
            ("answered", seen.answered),
            ("answered by the fallback", seen.fallen),
            ("failed", seen.failed),
            ("refused or timed out", seen.rejected),
            ("panicked", seen.panicked),
            ("dropped", seen.dropped),
        ] {
            println!("{count:>12} {what} ({:.1} %)", share(count));
        }
        for (what, count) in self.by_key() {
            println!("by key: {count} {what}");
        }
        println!("refused by the breaker: {}", breaker.rejected);
        let (bulkhead, limiter) = (self.engines.bulkhead.snapshot(), self.engines.limiter.snapshot());
        println!("breaker: opened {} times, {} late results", breaker.opened, breaker.late);
        println!("bulkhead: {} waited, {} left the queue", bulkhead.queue_wait.count(), bulkhead.abandoned);
        println!("limiter: {} waited, {} left the queue", limiter.queue_wait.count(), limiter.abandoned);
        println!(
            "limiter: {} cells for {} calls, {} cost too much",
            limiter.cells, limiter.calls, limiter.cost_above_burst
        );
        println!("retry: {} repeats", self.engines.retry.snapshot().retries);
    }
}

fn none(wrong: Vec<String>) -> Verdict<()> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}
