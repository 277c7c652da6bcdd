use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::permit::{CircuitPermit, Settle};
use crate::classify::Classify;
use crate::held::Held;
use crate::reject::{OnReject, Rejected};

pin_project! {
    /// The response future of a [`CircuitBreakerService`](super::CircuitBreakerService) or a
    /// [`KeyedCircuitBreakerService`](super::KeyedCircuitBreakerService).
    #[must_use = "futures do nothing unless polled"]
    pub struct CircuitBreakerFuture<F, C, R, P = CircuitPermit> {
        classify: C,
        on_reject: R,
        #[pin]
        state: State<F, P>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, P> {
        // Let through. The permit is gone once the answer is there, before this future is dropped.
        Sent { #[pin] inner: F, permit: Option<P> },
        // Refused in `call`; the result of a refusal is always the future's.
        Refused { rejected: Rejected },
    }
}

impl<F, C, R, P> CircuitBreakerFuture<F, C, R, P> {
    #[inline(always)]
    pub(super) fn sent(inner: F, permit: P, classify: C, on_reject: R) -> Self {
        Self { classify, on_reject, state: State::Sent { inner, permit: Some(permit) } }
    }

    #[cold]
    pub(super) fn refused(rejected: Rejected, classify: C, on_reject: R) -> Self {
        Self { classify, on_reject, state: State::Refused { rejected } }
    }
}

impl<F, C, R, P, Res, E> Future for CircuitBreakerFuture<F, C, R, P>
where
    F: Future<Output = Result<Res, E>>,
    C: Classify<Res, E>,
    R: OnReject<Res, E>,
    P: Settle,
{
    type Output = Result<Res, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            StateProj::Sent { inner, permit } => {
                let held = Held::new(permit);
                let polled = inner.poll(cx);
                // The result is looked at where it is: it may be large.
                match &polled {
                    Poll::Ready(result) => {
                        let verdict = this.classify.classify(result.as_ref());
                        held.end(|permit| permit.settle_in_place(&verdict));
                    }
                    Poll::Pending => held.keep(P::note_pending),
                }
                polled
            }
            StateProj::Refused { rejected } => Poll::Ready(this.on_reject.on_reject(*rejected)),
        }
    }
}

#[cfg(feature = "http")]
impl<F: Future, C, R, P: Settle> CircuitBreakerFuture<F, C, R, P> {
    /// Polls it for somebody who settles the permit.
    pub(crate) fn poll_unsettled<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        settle: impl FnOnce(&C, F::Output, Held<'_, P>) -> T,
        reject: impl FnOnce(&R, Rejected) -> T,
    ) -> Poll<T> {
        let this = self.project();
        match this.state.project() {
            StateProj::Sent { inner, permit } => {
                let held = Held::new(permit);
                match inner.poll(cx) {
                    Poll::Ready(result) => Poll::Ready(settle(this.classify, result, held)),
                    Poll::Pending => {
                        held.keep(P::note_pending);
                        Poll::Pending
                    }
                }
            }
            StateProj::Refused { rejected } => Poll::Ready(reject(this.on_reject, *rejected)),
        }
    }
}

impl<F, C, R, P> fmt::Debug for CircuitBreakerFuture<F, C, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerFuture").finish_non_exhaustive()
    }
}
