use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::permit::CircuitPermit;
use crate::classify::Classify;
use crate::reject::{OnReject, Rejected};

pin_project! {
    /// The response future of a [`CircuitBreakerService`](super::CircuitBreakerService).
    #[must_use = "futures do nothing unless polled"]
    pub struct CircuitBreakerFuture<F, C, R> {
        classify: C,
        on_reject: R,
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // Let through. The permit is gone once the answer is there, before this future is dropped.
        Sent { #[pin] inner: F, permit: Option<CircuitPermit> },
        // Refused in `call`; the result of a refusal is always the future's.
        Refused { rejected: Rejected },
    }
}

impl<F, C, R> CircuitBreakerFuture<F, C, R> {
    pub(super) fn sent(inner: F, permit: CircuitPermit, classify: C, on_reject: R) -> Self {
        Self { classify, on_reject, state: State::Sent { inner, permit: Some(permit) } }
    }

    pub(super) fn refused(rejected: Rejected, classify: C, on_reject: R) -> Self {
        Self { classify, on_reject, state: State::Refused { rejected } }
    }
}

impl<F, C, R, Res, E> Future for CircuitBreakerFuture<F, C, R>
where
    F: Future<Output = Result<Res, E>>,
    C: Classify<Res, E>,
    R: OnReject<Res, E>,
{
    type Output = Result<Res, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            StateProj::Sent { inner, permit } => {
                // On the stack while the inner future is polled and the classifier runs: a panic there
                // releases it at once, and not when whoever caught it drops the future.
                let mut held = permit.take();
                let Poll::Ready(result) = inner.poll(cx) else {
                    if let Some(held) = &mut held {
                        held.note_pending();
                    }
                    *permit = held;
                    return Poll::Pending;
                };
                if let Some(permit) = held {
                    permit.settle(this.classify.classify(result.as_ref()));
                }
                Poll::Ready(result)
            }
            StateProj::Refused { rejected } => Poll::Ready(this.on_reject.on_reject(*rejected)),
        }
    }
}

impl<F, C, R> fmt::Debug for CircuitBreakerFuture<F, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerFuture").finish_non_exhaustive()
    }
}
