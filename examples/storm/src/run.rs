//! Runs lanes side by side.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::lane::{Lane, Plan};
use crate::lateness::{Late, Lateness};
use crate::record::Record;

/// How often whoever watches is told.
const TICK: Duration = Duration::from_millis(250);
/// Time to set up before the first user comes.
const PRELUDE: Duration = Duration::from_millis(300);

/// Watches lanes while they run.
pub trait Watch {
    /// Called from time to time, with the time since the start in seconds.
    fn look(&mut self, at: f64, lanes: &[Arc<Lane>]);
}

/// Runs all plans at once until the last call is answered.
///
/// Servers and clients have threads of their own, so that a busy server does not delay the users.
pub fn run(plans: Vec<Plan>, watch: &mut dyn Watch) -> io::Result<Vec<Record>> {
    let (servers, users) = (runtime("servers")?, runtime("users")?);
    let start = Instant::now() + PRELUDE;
    let mut tasks = JoinSet::new();
    let lanes = servers.block_on(async {
        let mut lanes = Vec::new();
        for plan in plans {
            lanes.push(Lane::set_up(plan, start, &mut tasks).await?);
        }
        io::Result::Ok(lanes)
    })?;
    let servers_lateness = Arc::new(Lateness::default());
    let watched = Arc::clone(&servers_lateness);
    let pulse = servers.spawn(async move { watched.watch(start).await });
    let run = |lane: &Arc<Lane>| {
        let (lane, users) = (Arc::clone(lane), users.handle().clone());
        thread::spawn(move || lane.run(&users))
    };
    let runs: Vec<_> = lanes.iter().map(run).collect();
    let mut next = start;
    while runs.iter().any(|run| !run.is_finished()) {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        watch.look((next - start).as_secs_f64(), &lanes);
        next += TICK;
    }
    for run in runs {
        run.join().map_err(|_panic| io::Error::other("a lane panicked"))?;
    }
    pulse.abort();
    let servers_late = servers_lateness.p99();
    let record = |lane: &Arc<Lane>| {
        let record = lane.record();
        Record { late: Late { servers: servers_late, ..record.late }, ..record }
    };
    let records = lanes.iter().map(record).collect();
    servers.block_on(tasks.shutdown());
    Ok(records)
}

fn runtime(name: &str) -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    Builder::new_multi_thread().worker_threads((cores / 2).clamp(1, 4)).thread_name(name).enable_all().build()
}
