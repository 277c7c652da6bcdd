//! The services that everybody is put in front of.

use std::fmt;
use std::future::{Future, Pending, Ready, pending, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use buttress::{Fault, Rejected};
use tower::Service;

/// The one error type of the comparison: small, and with room for a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Upstream,
    Refused(Option<Rejected>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "the dependency failed",
            Self::Refused(_) => "refused before it was sent",
        })
    }
}

impl std::error::Error for Failure {}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self::Refused(Some(rejected))
    }
}

impl Fault for Failure {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Refused(rejected) => rejected.as_ref(),
            Self::Upstream => None,
        }
    }
}

/// Services that differ in their future only.
macro_rules! services {
    ($($(#[$doc:meta])* $name:ident => $future:ty, |$request:ident| $call:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Service<u64> for $name {
            type Response = u64;
            type Error = Failure;
            type Future = $future;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, $request: u64) -> Self::Future {
                $call
            }
        }
    )+};
}

services! {
    /// Answers at once.
    AtOnce => Ready<Result<u64, Failure>>, |request| ready(Ok(request));
    /// Answers at the second poll.
    PendingOnce => Once, |request| Once(request, false);
    /// Fails at once.
    Fails => Ready<Result<u64, Failure>>, |_request| ready(Err(Failure::Upstream));
    /// Never answers.
    Hangs => Pending<Result<u64, Failure>>, |_request| pending();
}

/// The future of [`PendingOnce`].
#[derive(Debug)]
pub struct Once(u64, bool);

impl Future for Once {
    type Output = Result<u64, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if std::mem::replace(&mut self.1, true) {
            return Poll::Ready(Ok(self.0));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
