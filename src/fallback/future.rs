use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::fallen::Fallen;
use super::mode::Substitute;
use super::service::Core;
use crate::classify::Classify;
use crate::sync::Arc;
use crate::verdict::Verdict;

pin_project! {
    /// The response future of a [`FallbackService`](super::FallbackService).
    #[must_use = "futures do nothing unless polled"]
    pub struct FallbackFuture<F, M, C, P> {
        core: Arc<Core<M, C, P>>,
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Sent { #[pin] inner: F },
        // Came without readiness; the answer is the future's all the same.
        Unready,
    }
}

impl<F, M, C, P> FallbackFuture<F, M, C, P> {
    pub(super) fn sent(core: Arc<Core<M, C, P>>, inner: F) -> Self {
        Self { core, state: State::Sent { inner } }
    }

    pub(super) fn unready(core: Arc<Core<M, C, P>>) -> Self {
        Self { core, state: State::Unready }
    }
}

impl<F, M, C, P, Res, E> Future for FallbackFuture<F, M, C, P>
where
    F: Future<Output = Result<Res, E>>,
    M: Substitute<Res, E>,
    C: Classify<Res, E>,
    P: Fn(&Verdict) -> bool,
{
    type Output = Result<Res, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let fallen = match this.state.project() {
            StateProj::Sent { inner } => {
                let result = ready!(inner.poll(cx));
                match this.core.falls(result.as_ref()).filter(|_| !this.core.engine.lets_pass()) {
                    Some(verdict) => Fallen::new(verdict, result),
                    None => return Poll::Ready(result),
                }
            }
            StateProj::Unready => Fallen::unready(),
        };
        Poll::Ready(this.core.substitute(fallen))
    }
}

impl<F, M, C, P> fmt::Debug for FallbackFuture<F, M, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackFuture").finish_non_exhaustive()
    }
}
