use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use super::waiting::Waiting;
use crate::bulkhead::future::Sent;
use crate::bulkhead::permit::BulkheadPermit;
use crate::reject::{OnReject, Rejected};
use crate::spare::Spare;

pin_project! {
    /// The response future of a [`QueuedBulkheadService`](super::QueuedBulkheadService).
    #[must_use = "futures do nothing unless polled"]
    pub struct QueuedBulkheadFuture<S, Req, F, R> {
        on_reject: R,
        #[pin]
        state: State<S, Req, F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F> {
        // In the queue, with nothing of the inner service reserved.
        Waiting { #[pin] waiting: Waiting, request: Option<Req>, spare: Spare<S> },
        // Called; the clone has to become ready first.
        Readying { service: S, request: Option<Req>, permit: Option<BulkheadPermit> },
        Sent { #[pin] sent: Sent<F> },
        // Refused in `call`; the result of a refusal is always the future's.
        Refused { rejected: Rejected },
    }
}

impl<S, Req, F, R> QueuedBulkheadFuture<S, Req, F, R> {
    pub(in crate::bulkhead) fn sent(permit: BulkheadPermit, inner: F, on_reject: R) -> Self {
        Self { on_reject, state: State::Sent { sent: Sent::new(permit, inner) } }
    }

    pub(in crate::bulkhead) fn waiting(
        waiting: Waiting,
        request: Req,
        spare: Spare<S>,
        on_reject: R,
    ) -> Self {
        Self { on_reject, state: State::Waiting { waiting, request: Some(request), spare } }
    }

    pub(in crate::bulkhead) fn refused(rejected: Rejected, on_reject: R) -> Self {
        Self { on_reject, state: State::Refused { rejected } }
    }
}

impl<S, Req, R> Future for QueuedBulkheadFuture<S, Req, S::Future, R>
where
    S: Service<Req> + Clone,
    R: OnReject<S::Response, S::Error>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_by(cx, |sent, cx| sent.poll(cx), R::on_reject)
    }
}

impl<S, Req, R> QueuedBulkheadFuture<S, Req, S::Future, R>
where
    S: Service<Req> + Clone,
{
    /// Polls it for somebody who knows how to poll what was sent.
    pub(crate) fn poll_by<Res>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        poll_sent: impl FnOnce(Pin<&mut Sent<S::Future>>, &mut Context<'_>) -> Poll<Result<Res, S::Error>>,
        reject: impl FnOnce(&R, Rejected) -> Result<Res, S::Error>,
    ) -> Poll<Result<Res, S::Error>> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Waiting { waiting, request, spare } => match ready!(waiting.poll(cx)) {
                    Ok(permit) => State::Readying {
                        permit: Some(permit),
                        request: request.take(),
                        service: spare.take(),
                    },
                    Err(rejected) => State::Refused { rejected },
                },
                StateProj::Readying { service, request, permit } => {
                    // On the stack while the inner service is asked, so that a panic gives it back at once.
                    let held = permit.take();
                    let polled = service.poll_ready(cx);
                    match (polled, held, request.take()) {
                        (Poll::Ready(Ok(())), Some(permit), Some(request)) => {
                            State::Sent { sent: Sent::new(permit, service.call(request)) }
                        }
                        (Poll::Ready(Err(error)), held, _) => {
                            if let Some(permit) = held {
                                permit.complete();
                            }
                            return Poll::Ready(Err(error));
                        }
                        (_, held, taken) => {
                            (*permit, *request) = (held, taken);
                            return Poll::Pending;
                        }
                    }
                }
                StateProj::Sent { sent } => return poll_sent(sent, cx),
                StateProj::Refused { rejected } => {
                    return Poll::Ready(reject(this.on_reject, *rejected));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, Req, F, R> fmt::Debug for QueuedBulkheadFuture<S, Req, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedBulkheadFuture").finish_non_exhaustive()
    }
}
