mod attempts;
mod budget;
mod changes;
mod config;
mod counts;
mod http;
mod inner;
mod outcome;
mod replay;
mod wait;

use std::cell::Cell;
use std::io::{Error, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use buttress::{
    Backoff, Cloned, ErrorsOnly, Jitter, Rejected, RejectedKind, Replay, Retry, RetryLayer, RetryPolicy,
    TimeoutLayer, Verdict,
};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use crate::support::{Act, Fail, Strict, TestError, call, now, poll_once, poll_ready, rejection};

pub const MS: Duration = Duration::from_millis(1);

/// Waits of exactly 100, 200, 400, … ms.
pub fn steady() -> RetryPolicy {
    RetryPolicy::default().jitter(Jitter::None)
}

fn failed(request: u64) -> Result<u64, Fail> {
    Err(Fail::Inner(TestError(request)))
}

/// A rejection that says nothing was sent.
async fn unsent() -> Rejected {
    let rejected = rejection(TimeoutLayer::new(MS).layer(Strict::ok().0).call(0).await);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::NotReady, false));
    rejected
}

/// Every error is a failure, of whatever type.
#[derive(Clone)]
struct ErrorsOnlyOf;

impl<T, E> buttress::Classify<T, E> for ErrorsOnlyOf {
    fn classify(&self, result: Result<&T, &E>) -> Verdict {
        if result.is_ok() { Verdict::success() } else { Verdict::failure("error") }
    }
}

/// Fails each attempt in this way, and counts them.
async fn attempts_of<Req: 'static, C, P>(layer: RetryLayer<C, P>, request: Req) -> u64
where
    C: buttress::Classify<(), TestError> + Clone,
    P: buttress::Repeat<Req> + Clone,
{
    let calls = Rc::new(Cell::new(0));
    let inner = service_fn({
        let calls = Rc::clone(&calls);
        move |_: Req| {
            calls.set(calls.get() + 1);
            std::future::ready(Err::<(), _>(TestError(calls.get())))
        }
    });
    let error = layer.layer(inner).oneshot(request).await.unwrap_err();
    assert_eq!(error, TestError(calls.get()), "the last error");
    calls.get()
}

fn reset(_: Result<&(), &TestError>) -> Verdict {
    Verdict::failure("reset")
}

fn no_connection(_: Result<&(), &TestError>) -> Verdict {
    Verdict::failure("connect").never_sent()
}
