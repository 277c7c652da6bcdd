mod bounds;
mod changes;
mod inner;
mod leaving;
mod order;
mod runtime;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use buttress::deadline::{Deadline, scope};
use buttress::rate_limit::Waiting;
use buttress::{Quota, RateLimitLayer, RateLimiter, RejectedKind};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service};

use crate::support::{Act, Fail, Strict, TestError, call, poll_once, poll_ready, rejection};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3_600);
/// One cell each 100 ms.
const TENTHS: Quota = Quota::per_second(10).burst(1);

fn layer() -> RateLimitLayer<Waiting> {
    RateLimitLayer::new(TENTHS).wait(LONG)
}

/// Who came through, and when.
#[derive(Clone)]
struct Log(Arc<Mutex<Vec<(u64, u64)>>>, Instant);

impl Log {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    /// Calls in a task of its own and notes when that ended; the queue has the call when this returns.
    async fn spawn<S>(&self, mut service: S, request: u64) -> JoinHandle<Result<u64, Fail>>
    where
        S: Service<u64, Response = u64, Error = Fail, Future: Send> + Send + 'static,
    {
        let log = self.clone();
        let task = tokio::spawn(async move {
            let result = call(&mut service, request).await;
            log.0.lock().unwrap().push((request, log.1.elapsed().as_millis() as u64));
            result
        });
        yield_now().await;
        task
    }

    fn taken(&self) -> Vec<(u64, u64)> {
        self.0.lock().unwrap().clone()
    }
}
