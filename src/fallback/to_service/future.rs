use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::Service;

use crate::classify::Classify;
use crate::fallback::fallen::Fallen;
use crate::fallback::mode::ToService;
use crate::fallback::service::Core;
use crate::replay::Replay;
use crate::sync::Arc;
use crate::verdict::Verdict;

pin_project! {
    /// The response future of a [`FallbackToService`](super::FallbackToService).
    #[must_use = "futures do nothing unless polled"]
    pub struct FallbackToServiceFuture<S, O, Req, C, P>
    where
        S: Service<Req>,
        O: Service<Req>,
    {
        core: Arc<Core<ToService<O>, C, P>>,
        #[pin]
        state: State<S::Future, O, O::Future, Req, Fallen<S::Response, S::Error>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, O, G, Req, T> {
        Sent { #[pin] inner: F, copy: Option<Req> },
        // The inner future is gone, and with it what it held. The other service is made when it is
        // needed, and has to become ready.
        Readying { other: Option<O>, request: Option<Req>, fallen: Option<T> },
        Asked { #[pin] answer: G, fallen: Option<T> },
    }
}

impl<S, O, Req, C, P> FallbackToServiceFuture<S, O, Req, C, P>
where
    S: Service<Req>,
    O: Service<Req>,
{
    pub(super) fn sent(core: Arc<Core<ToService<O>, C, P>>, inner: S::Future, copy: Option<Req>) -> Self {
        Self { core, state: State::Sent { inner, copy } }
    }

    pub(super) fn unready(core: Arc<Core<ToService<O>, C, P>>, request: Req) -> Self {
        let fallen = Fallen::unready();
        core.engine.fell(fallen.verdict());
        Self { core, state: State::Readying { other: None, request: Some(request), fallen: Some(fallen) } }
    }
}

impl<S, O, Req, C, P> Future for FallbackToServiceFuture<S, O, Req, C, P>
where
    S: Service<Req>,
    O: Service<Req, Response = S::Response, Error = S::Error> + Clone,
    C: Classify<S::Response, S::Error>,
    P: Fn(&Verdict) -> bool,
    Req: Replay,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let core = &**this.core;
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Sent { inner, copy } => {
                    let result = ready!(inner.poll(cx));
                    let Some(verdict) = core.falls(result.as_ref()) else {
                        return Poll::Ready(result);
                    };
                    let Some(request) = copy.take().filter(|copy| !verdict.was_sent() || copy.repeatable())
                    else {
                        core.engine.withhold();
                        return Poll::Ready(result);
                    };
                    if core.engine.lets_pass() {
                        return Poll::Ready(result);
                    }
                    core.engine.fell(&verdict);
                    let fallen = Some(Fallen::new(verdict, result));
                    State::Readying { other: None, request: Some(request), fallen }
                }
                StateProj::Readying { other, request, fallen } => {
                    let other = other.get_or_insert_with(|| core.mode.0.take());
                    let readied = ready!(other.poll_ready(cx));
                    match (readied, request.take()) {
                        (Ok(()), Some(request)) => {
                            State::Asked { answer: other.call(request), fallen: fallen.take() }
                        }
                        (Err(error), _) => return Poll::Ready(core.settle(Err(error), false, fallen.take())),
                        // Polled after it completed.
                        (Ok(()), None) => return Poll::Pending,
                    }
                }
                StateProj::Asked { answer, fallen } => {
                    let result = ready!(answer.poll(cx));
                    return Poll::Ready(core.settle(result, true, fallen.take()));
                }
            };
            this.state.set(next);
        }
    }
}

impl<O, C, P> Core<ToService<O>, C, P> {
    /// What the caller gets, now that the other service has answered, or could not be asked. Once the
    /// request was sent, never the news that it was not: then the first result.
    fn settle<Res, E>(
        &self,
        result: Result<Res, E>,
        was_asked: bool,
        fallen: Option<Fallen<Res, E>>,
    ) -> Result<Res, E>
    where
        C: Classify<Res, E>,
    {
        let first = fallen.filter(|fallen| fallen.verdict().was_sent()).and_then(Fallen::into_result);
        let verdict = self.classify.classify(result.as_ref());
        match first {
            Some(first) if !(was_asked && verdict.was_sent()) => {
                self.engine.failed();
                first
            }
            _ => self.engine.judged(&self.classify, &verdict, result),
        }
    }
}

impl<S, O, Req, C, P> fmt::Debug for FallbackToServiceFuture<S, O, Req, C, P>
where
    S: Service<Req>,
    O: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackToServiceFuture").finish_non_exhaustive()
    }
}
