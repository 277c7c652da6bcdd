use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::permit::BulkheadPermit;
use crate::held::Held;
use crate::reject::{OnReject, Rejected};

pin_project! {
    /// The answer to an admitted call, and its permit: what both modes share.
    pub(crate) struct Sent<F> {
        // Before the permit, so that it is also dropped before: who comes next finds it gone.
        #[pin]
        inner: F,
        // Gone once the call has ended.
        permit: Option<BulkheadPermit>,
    }
}

impl<F> Sent<F> {
    #[inline(always)]
    pub(super) fn new(permit: BulkheadPermit, inner: F) -> Self {
        Self { inner, permit: Some(permit) }
    }
}

impl<F: Future> Future for Sent<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let held = Held::new(this.permit);
        let result = this.inner.poll(cx);
        if result.is_ready() {
            held.end(BulkheadPermit::complete_in_place);
        } else {
            held.keep(|_| ());
        }
        result
    }
}

#[cfg(feature = "http")]
impl<F: Future> Sent<F> {
    /// The answer, and the permit for somebody who holds it longer.
    pub(crate) fn poll_held(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<(F::Output, Option<BulkheadPermit>)> {
        let this = self.project();
        let held = Held::new(this.permit);
        match this.inner.poll(cx) {
            Poll::Ready(answer) => Poll::Ready((answer, held.take())),
            Poll::Pending => {
                held.keep(|_| ());
                Poll::Pending
            }
        }
    }
}

pin_project! {
    /// The response future of a [`BulkheadService`](super::BulkheadService).
    #[must_use = "futures do nothing unless polled"]
    pub struct BulkheadFuture<F, R> {
        on_reject: R,
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Sent { #[pin] sent: Sent<F> },
        // Refused in `call`; the result of a refusal is always the future's.
        Refused { rejected: Rejected },
    }
}

impl<F, R> BulkheadFuture<F, R> {
    #[inline(always)]
    pub(super) fn sent(permit: BulkheadPermit, inner: F, on_reject: R) -> Self {
        Self { on_reject, state: State::Sent { sent: Sent::new(permit, inner) } }
    }

    #[cold]
    pub(super) fn refused(rejected: Rejected, on_reject: R) -> Self {
        Self { on_reject, state: State::Refused { rejected } }
    }
}

impl<F, R, Res, E> Future for BulkheadFuture<F, R>
where
    F: Future<Output = Result<Res, E>>,
    R: OnReject<Res, E>,
{
    type Output = Result<Res, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_by(cx, |sent, cx| sent.poll(cx), R::on_reject)
    }
}

impl<F, R> BulkheadFuture<F, R> {
    /// Polls it for somebody who knows how to poll what was sent.
    #[inline]
    pub(crate) fn poll_by<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        poll_sent: impl FnOnce(Pin<&mut Sent<F>>, &mut Context<'_>) -> Poll<T>,
        reject: impl FnOnce(&R, Rejected) -> T,
    ) -> Poll<T> {
        let this = self.project();
        Poll::Ready(match this.state.project() {
            StateProj::Sent { sent } => ready!(poll_sent(sent, cx)),
            StateProj::Refused { rejected } => reject(this.on_reject, *rejected),
        })
    }
}

impl<F, R> fmt::Debug for BulkheadFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadFuture").finish_non_exhaustive()
    }
}
