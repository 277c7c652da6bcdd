use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

pin_project! {
    /// The response future of an [`ExemptService`](super::ExemptService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ExemptFuture<F, S: Service<Req>, Req> {
        #[pin]
        state: State<F, S, S::Future, Req>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, S, G, Req> {
        Limited { #[pin] answer: F },
        // A service of its own has to become ready first. The request is gone once it was sent.
        Readying { bare: S, request: Option<Req> },
        Sent { #[pin] answer: G },
    }
}

impl<F, S: Service<Req>, Req> ExemptFuture<F, S, Req> {
    pub(super) fn limited(answer: F) -> Self {
        Self { state: State::Limited { answer } }
    }

    pub(super) fn exempt(bare: S, request: Req) -> Self {
        Self { state: State::Readying { bare, request: Some(request) } }
    }
}

impl<F, S, Req> Future for ExemptFuture<F, S, Req>
where
    F: Future<Output = Result<S::Response, S::Error>>,
    S: Service<Req>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let answer = match state.as_mut().project() {
                StateProj::Limited { answer } => return answer.poll(cx),
                StateProj::Sent { answer } => return answer.poll(cx),
                StateProj::Readying { bare, request } => {
                    ready!(bare.poll_ready(cx))?;
                    // Taken only when it is sent, and that is another state.
                    let Some(request) = request.take() else { return Poll::Pending };
                    bare.call(request)
                }
            };
            state.set(State::Sent { answer });
        }
    }
}

impl<F, S: Service<Req>, Req> fmt::Debug for ExemptFuture<F, S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExemptFuture").finish_non_exhaustive()
    }
}
