use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress::CallError;
use tower::Service;

/// What the services fail with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

pub(crate) type Error = CallError<Broken>;

/// Answers at once.
#[derive(Clone)]
pub(crate) struct AtOnce;

/// Fails at once.
#[derive(Clone)]
pub(crate) struct Failing;

/// Answers at the second poll.
#[derive(Clone)]
pub(crate) struct PendingOnce;

pub(crate) struct Once(u64, bool);

impl Future for Once {
    type Output = Result<u64, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(Ok(self.0));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

macro_rules! service {
    ($service:ty, $future:ty, |$request:ident| $answer:expr) => {
        impl Service<u64> for $service {
            type Response = u64;
            type Error = Error;
            type Future = $future;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, $request: u64) -> Self::Future {
                $answer
            }
        }
    };
}

service!(AtOnce, Ready<Result<u64, Error>>, |request| ready(Ok(request)));
service!(Failing, Ready<Result<u64, Error>>, |_request| ready(Err(CallError::Inner(Broken))));
service!(PendingOnce, Once, |request| Once(request, false));
