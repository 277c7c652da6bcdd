//! The service that is called: a few workers and a queue without bound, in front of which HTTP stands.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::record::{BUCKET, bucket_of};
use crate::scene::{Manner, Scene, WORKERS};

/// Quotas are often counted by the minute; this many seconds are still modest.
const RETRY_AFTER: &str = "5";

/// What one lane calls. Nothing is shared between lanes.
#[derive(Debug)]
pub struct Upstream {
    scene: Scene,
    start: Instant,
    cancels: bool,
    jobs: Mutex<VecDeque<Job>>,
    /// One permit for each job in the queue.
    work: Semaphore,
    /// Requests that came in, by time.
    arrived: Mutex<Vec<u32>>,
    /// Requests in the queue or at work whose client has gone.
    abandoned: AtomicU64,
    dice: Mutex<StdRng>,
    grants: Mutex<Grants>,
}

#[derive(Debug)]
struct Job {
    arrived: Instant,
    reply: oneshot::Sender<StatusCode>,
}

/// A token bucket for the quota: a tenth of a second's worth may come at once.
#[derive(Debug)]
struct Grants {
    tokens: f64,
    at: Duration,
}

impl Upstream {
    pub fn new(scene: Scene, start: Instant, cancels: bool, seed: u64) -> Arc<Self> {
        let buckets = (scene.length().as_secs_f64() / BUCKET) as usize + 1;
        Arc::new(Self {
            scene,
            start,
            cancels,
            jobs: Mutex::default(),
            work: Semaphore::new(0),
            arrived: Mutex::new(vec![0; buckets]),
            abandoned: AtomicU64::new(0),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            grants: Mutex::new(Grants { tokens: 0.0, at: Duration::ZERO }),
        })
    }

    pub fn start_workers(self: &Arc<Self>, tasks: &mut JoinSet<()>) {
        for _ in 0..WORKERS {
            tasks.spawn(Arc::clone(self).work());
        }
    }

    pub fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/work", get(answer)).with_state(self)
    }

    /// Requests that wait for a worker.
    pub fn queued(&self) -> usize {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn abandoned(&self) -> u64 {
        self.abandoned.load(Relaxed)
    }

    /// Requests that came in, one number for each [`BUCKET`].
    pub fn arrived(&self) -> Vec<u32> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn work(self: Arc<Self>) {
        // A worker's time is reckoned by the schedule, not by when its timer woke it: otherwise a timer's
        // granularity of 1 ms would cost one twentieth of the capacity.
        let mut free = self.start;
        while let Some(mut job) = self.next_job().await {
            if self.cancels && job.reply.is_closed() {
                self.abandoned.fetch_sub(1, Relaxed);
                continue;
            }
            let begin = free.max(job.arrived);
            let phase = self.scene.at(begin - self.start);
            free = begin + phase.service;
            if self.cancels {
                tokio::select! {
                    () = sleep_until(free) => {}
                    () = job.reply.closed() => free = Instant::now(),
                }
            } else {
                sleep_until(free).await;
            }
            let status =
                if self.fails(phase.errors) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            if job.reply.send(status).is_err() {
                self.abandoned.fetch_sub(1, Relaxed);
            }
        }
    }

    async fn next_job(&self) -> Option<Job> {
        self.work.acquire().await.ok()?.forget();
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn fails(&self, share: f64) -> bool {
        share > 0.0 && self.dice.lock().unwrap_or_else(PoisonError::into_inner).random_bool(share)
    }

    fn grants(&self, rate: f64, now: Duration) -> bool {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = now.saturating_sub(grants.at).as_secs_f64();
        grants.at = now;
        grants.tokens = elapsed.mul_add(rate, grants.tokens).min(rate / 10.0);
        let granted = grants.tokens >= 1.0;
        if granted {
            grants.tokens -= 1.0;
        }
        granted
    }
}

async fn answer(State(upstream): State<Arc<Upstream>>) -> Response {
    let arrived = Instant::now();
    let elapsed = arrived - upstream.start;
    if let Some(count) = upstream
        .arrived
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_mut(bucket_of(elapsed.as_secs_f64()))
    {
        *count += 1;
    }
    match upstream.scene.at(elapsed).manner {
        Manner::Refuses => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Manner::Hangs => std::future::pending().await,
        Manner::Grants(rate) if !upstream.grants(rate, elapsed) => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", RETRY_AFTER)]).into_response();
        }
        Manner::Works | Manner::Grants(_) => {}
    }
    let (reply, outcome) = oneshot::channel();
    upstream.jobs.lock().unwrap_or_else(PoisonError::into_inner).push_back(Job { arrived, reply });
    upstream.work.add_permits(1);
    let mut wait = Wait { abandoned: Some(&upstream.abandoned) };
    let status = outcome.await.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    wait.abandoned = None;
    status.into_response()
}

/// Counts a request as abandoned when it is dropped before the answer, which axum does as soon as
/// the client hangs up. The job stays in the queue all the same.
struct Wait<'a> {
    abandoned: Option<&'a AtomicU64>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(abandoned) = self.abandoned {
            abandoned.fetch_add(1, Relaxed);
        }
    }
}
