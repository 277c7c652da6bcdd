//! Rejections are found and answers understood, whatever wraps them.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use buttress::{
    Answer, BoxError, CallError, Fault, Outcome, Rejected, RejectedKind, TimeoutLayer, Verdict, find_rejected,
};
use tower::buffer::Buffer;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Act, Strict, call};

#[derive(Debug)]
struct Wrapped(BoxError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrapped")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// A rejection as users meet it: from a layer that was called without readiness.
async fn rejected() -> Rejected {
    let mut service = TimeoutLayer::new(Duration::from_secs(1)).name("outer").layer(Strict::ok().0);
    service.call(1).await.unwrap_err().rejected().copied().unwrap()
}

#[tokio::test]
async fn a_rejection_is_found_through_every_wrapping() {
    let rejected = rejected().await;
    let twice: BoxError = Box::new(Wrapped(Box::new(Wrapped(rejected.into()))));
    assert_eq!(find_rejected(&*twice), Some(&rejected));
    assert_eq!(twice.as_rejected(), Some(&rejected));
    let io = io::Error::other(Wrapped(rejected.into()));
    assert_eq!(io.as_rejected(), Some(&rejected));
    let inner: CallError<BoxError> = CallError::Inner(Box::new(io));
    assert_eq!(inner.as_rejected(), Some(&rejected));
    let boxed: BoxError = CallError::<io::Error>::Rejected(rejected).into();
    assert_eq!(boxed.as_rejected(), Some(&rejected));
    assert_eq!(boxed.verdict().outcome(), Outcome::Ignored);
    let other: BoxError = "something else".into();
    assert_eq!((other.as_rejected(), other.verdict()), (None, Verdict::failure("error")));
}

#[tokio::test]
async fn a_rejection_decides_whatever_kind_of_error_wraps_it() {
    let rejected = rejected().await;
    for kind in [io::ErrorKind::TimedOut, io::ErrorKind::ConnectionReset, io::ErrorKind::Other] {
        let verdict = io::Error::new(kind, rejected).verdict();
        assert_eq!((verdict.outcome(), verdict.cause()), (Outcome::Ignored, "not_ready"), "{kind}");
    }
}

#[tokio::test]
async fn a_rejection_is_found_through_a_buffer() {
    let (inner, _probe) = Strict::always(Act::Hang);
    let service = TimeoutLayer::new(Duration::from_millis(10)).layer(inner).map_err(BoxError::from);
    let error = call(&mut Buffer::new(service, 1), 1).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::TimedOut);
    assert_eq!(error.verdict().cause(), "timeout");
}

#[test]
fn io_errors_tell_what_they_are() {
    use io::ErrorKind as Kind;
    for (kind, cause) in [
        (Kind::ConnectionRefused, "connect"),
        (Kind::ConnectionReset, "reset"),
        (Kind::BrokenPipe, "reset"),
        (Kind::TimedOut, "timeout"),
        (Kind::InvalidData, "error"),
    ] {
        // Also a refused connection may be that of a second step, after a first one took effect.
        let verdict = CallError::Inner(io::Error::from(kind)).verdict();
        assert_eq!((verdict.outcome(), verdict.cause(), verdict.was_sent()), (Outcome::Failure, cause, true));
    }
}

#[test]
fn containers_ask_what_they_contain() {
    struct Reply(bool);
    impl Answer for Reply {
        fn verdict(&self) -> Verdict {
            if self.0 { Verdict::success() } else { Verdict::failure("no") }
        }
    }
    assert_eq!(Some(Reply(false)).verdict().outcome(), Outcome::Failure);
    assert_eq!(None::<Reply>.verdict().outcome(), Outcome::Success);
    assert_eq!((Reply(false), 1).verdict().outcome(), Outcome::Failure);
    assert_eq!(Box::new(Reply(false)).verdict().outcome(), Outcome::Failure);
    assert_eq!(vec![1, 2].verdict().outcome(), Outcome::Success);
}
