mod bounds;
mod changes;
mod inner;
mod leaving;
mod order;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use buttress::bulkhead::QueuedBulkheadService;
use buttress::deadline::{self, Deadline};
use buttress::{Bulkhead, BulkheadLayer, CallError, RejectedKind, TimeoutLayer};
use tokio::time::Instant;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service};

use super::{counts, send};
use crate::support::{Act, Fail, Strict, TestError, call, now, poll_once, poll_ready, rejection};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3_600);

fn queued(limit: usize, len: usize) -> Bulkhead {
    let bulkhead = Bulkhead::new(limit);
    bulkhead.set_queue(len, LONG).unwrap();
    bulkhead
}
