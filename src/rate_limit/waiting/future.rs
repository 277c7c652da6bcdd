use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::wait::Wait;
use crate::reject::{OnReject, Rejected};
use crate::spare::Spare;

pin_project! {
    /// The response future of a [`WaitingRateLimitService`](super::WaitingRateLimitService).
    #[must_use = "futures do nothing unless polled"]
    pub struct WaitingRateLimitFuture<S, Req, F, R> {
        on_reject: R,
        #[pin]
        state: State<S, Req, F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F> {
        // Not admitted yet, with nothing of the inner service reserved.
        Waiting { #[pin] wait: Wait, request: Option<Req>, spare: Spare<S> },
        // Admitted; the clone has to become ready first.
        Readying { service: S, request: Option<Req> },
        Sent { #[pin] inner: F },
        // Refused in `call` or while it waited; the result of a refusal is always the future's.
        Refused { rejected: Rejected },
    }
}

impl<S, Req, F, R> WaitingRateLimitFuture<S, Req, F, R> {
    pub(super) fn sent(inner: F, on_reject: R) -> Self {
        Self { on_reject, state: State::Sent { inner } }
    }

    pub(super) fn refused(rejected: Rejected, on_reject: R) -> Self {
        Self { on_reject, state: State::Refused { rejected } }
    }

    pub(super) fn waiting(wait: Wait, request: Req, spare: Spare<S>, on_reject: R) -> Self {
        Self { on_reject, state: State::Waiting { wait, request: Some(request), spare } }
    }
}

impl<S, Req, R> Future for WaitingRateLimitFuture<S, Req, S::Future, R>
where
    S: Service<Req> + Clone,
    R: OnReject<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Waiting { wait, request, spare } => match ready!(wait.poll(cx)) {
                    Ok(()) => State::Readying { service: spare.take(), request: request.take() },
                    Err(rejected) => State::Refused { rejected },
                },
                StateProj::Readying { service, request } => {
                    if request.is_none() {
                        // Polled after it completed.
                        return Poll::Pending;
                    }
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        *request = None;
                        return Poll::Ready(Err(error));
                    }
                    let Some(request) = request.take() else { return Poll::Pending };
                    State::Sent { inner: service.call(request) }
                }
                StateProj::Sent { inner } => return inner.poll(cx),
                StateProj::Refused { rejected } => {
                    return Poll::Ready(this.on_reject.on_reject(*rejected));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, Req, F, R> fmt::Debug for WaitingRateLimitFuture<S, Req, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingRateLimitFuture").finish_non_exhaustive()
    }
}
