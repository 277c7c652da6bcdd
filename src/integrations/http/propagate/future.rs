use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::reject::{OnReject, Rejected};

pin_project! {
    /// The response future of a service that may refuse a call by what its request tells.
    #[must_use = "futures do nothing unless polled"]
    pub struct RefusableFuture<F, R> {
        on_reject: R,
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Sent { #[pin] inner: F },
        // Refused in `call`; the result of a refusal is always the future's.
        Refused { rejected: Rejected },
    }
}

impl<F, R> RefusableFuture<F, R> {
    pub(super) fn new(sent: Result<F, Rejected>, on_reject: R) -> Self {
        let state = match sent {
            Ok(inner) => State::Sent { inner },
            Err(rejected) => State::Refused { rejected },
        };
        Self { on_reject, state }
    }
}

impl<F, R, Res, E> Future for RefusableFuture<F, R>
where
    F: Future<Output = Result<Res, E>>,
    R: OnReject<Res, E>,
{
    type Output = Result<Res, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            StateProj::Sent { inner } => inner.poll(cx),
            StateProj::Refused { rejected } => Poll::Ready(this.on_reject.on_reject(*rejected)),
        }
    }
}

impl<F, R> fmt::Debug for RefusableFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusableFuture").finish_non_exhaustive()
    }
}
