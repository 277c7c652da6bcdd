//! A lane: an upstream, the clients that call it, and the users behind them.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep_until, timeout, timeout_at};
use tower::ServiceExt;

use crate::arrivals::{Arrival, arrivals};
use crate::client::{get, http};
use crate::lateness::{Late, Lateness};
use crate::narrate::View;
use crate::record::{BUCKET, CLIENTS, Call, End, Health, LaneName, Record, Sample, bucket_of, seconds};
use crate::scene::Scene;
use crate::server::Server;
use crate::stack::{Client, Stack};
use crate::upstream::Upstream;

/// How long after the end of a scene its last calls may go on.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// What a lane is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: LaneName,
    pub scene: Scene,
    pub stack: Stack,
    pub server: Server,
    pub seed: u64,
}

/// A lane that runs.
pub struct Lane {
    pub plan: Plan,
    pub upstream: Arc<Upstream>,
    start: Instant,
    clients: Vec<Client>,
    address: SocketAddr,
    waiting: AtomicUsize,
    lateness: Lateness,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<Call>,
    samples: Vec<Sample>,
    health: Health,
}

impl Lane {
    /// Starts the lane's server; users come from `start` on.
    pub async fn set_up(plan: Plan, start: Instant, servers: &mut JoinSet<()>) -> io::Result<Arc<Self>> {
        let upstream = Upstream::new(plan.scene.clone(), start, plan.server.cancels(), plan.seed);
        let address = plan.server.start(&upstream, servers).await?;
        let name = |client| format!("{} {} {}", plan.name.letter, plan.name.title, client + 1);
        let clients = (0..CLIENTS).map(|client| plan.stack.client(name(client), http(address))).collect();
        let (waiting, lateness, seen) = Default::default();
        Ok(Arc::new(Self { plan, upstream, start, clients, address, waiting, lateness, seen }))
    }

    /// Sends every call of the scene when it is due, whatever became of the others, and waits for the last
    /// answer. Blocks: a thread sleeps far more precisely than a runtime's timer, which counts in ms.
    pub fn run(self: &Arc<Self>, users: &Handle) {
        let mut watchers = JoinSet::new();
        watchers.spawn_on(Arc::clone(self).sample(), users);
        if self.plan.server.has_health() {
            watchers.spawn_on(Arc::clone(self).probe(), users);
        }
        let mut calls = JoinSet::new();
        for Arrival { due, client } in arrivals(&self.plan.scene, self.plan.seed) {
            thread::sleep((self.start + due).saturating_duration_since(Instant::now()));
            calls.spawn_on(Arc::clone(self).call(due, client), users);
            while calls.try_join_next().is_some() {}
        }
        users.block_on(async {
            sleep_until(self.start + self.plan.scene.length()).await;
            while calls.join_next().await.is_some() {}
            watchers.shutdown().await;
        });
    }

    async fn call(self: Arc<Self>, due: Duration, client: usize) {
        self.lateness.record((Instant::now() - self.start).saturating_sub(due));
        let Ok(request) = get(self.address, "/work") else { return };
        self.waiting.fetch_add(1, Relaxed);
        let answer = self.clients[client].call.clone().oneshot(request);
        let last = self.start + self.plan.scene.length() + LAST_ANSWER;
        let end = timeout_at(last, answer).await.map_or(End::StillWaiting, |result| End::of(&result));
        self.waiting.fetch_sub(1, Relaxed);
        let took = seconds((Instant::now() - self.start).saturating_sub(due));
        let mut seen = self.seen();
        seen.calls.push(Call { due: seconds(due), took, end });
    }

    async fn sample(self: Arc<Self>) {
        let mut at = 0.0;
        loop {
            sleep_until(self.start + Duration::from_secs_f64(at)).await;
            let sample = Sample { at, ..self.look() };
            self.seen().samples.push(sample);
            at += BUCKET;
        }
    }

    /// Asks for the server's health, one question after the other.
    async fn probe(self: Arc<Self>) {
        let client = http(self.address);
        let mut ticks = interval_at(self.start, Duration::from_secs_f64(BUCKET));
        while let Ok(request) = get(self.address, "/healthz") {
            ticks.tick().await;
            let answer = timeout(Duration::from_secs(1), client.clone().oneshot(request)).await;
            let good = matches!(answer, Ok(Ok(answer)) if answer.status().is_success());
            let mut seen = self.seen();
            seen.health.asked += 1;
            seen.health.good += u32::from(good);
        }
    }

    fn look(&self) -> Sample {
        let mut circuits = [None; CLIENTS];
        for (circuit, client) in circuits.iter_mut().zip(&self.clients) {
            *circuit = client.circuit();
        }
        Sample {
            queued: self.upstream.queued(),
            abandoned: self.upstream.abandoned(),
            waiting: self.waiting.load(Relaxed),
            circuits,
            at: 0.0,
        }
    }

    /// The last second, for whoever watches.
    pub fn view(&self, at: f64) -> View {
        let seen = self.seen();
        let last = seen.calls.iter().rev().take_while(|call| call.due + call.took >= at - 1.0);
        let (good, ended) =
            last.fold((0, 0), |(good, all), call| (good + usize::from(call.end.is_good()), all + 1));
        drop(seen);
        let upstream = self.upstream.arrived();
        let now = bucket_of(at).min(upstream.len());
        let Sample { queued, abandoned, circuits, .. } = self.look();
        View {
            lane: self.plan.name.clone(),
            good,
            ended,
            upstream: upstream[now.saturating_sub(bucket_of(1.0))..now].iter().sum(),
            queued,
            abandoned,
            circuits,
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened so far; complete once [`run`](Self::run) has returned.
    pub fn record(&self) -> Record {
        let seen = self.seen();
        Record {
            lane: self.plan.name.clone(),
            scene: self.plan.scene.clone(),
            calls: seen.calls.clone(),
            upstream: self.upstream.arrived(),
            samples: seen.samples.clone(),
            health: self.plan.server.has_health().then_some(seen.health),
            late: Late { users: self.lateness.p99(), servers: 0.0 },
        }
    }
}
