use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::budget::RetryBudget;
use super::decision::Standing;
use super::engine::{Pause, Retry, Ticket};
use super::future::RetryFuture;
use super::repeat::{ByRequest, Repeat};
use crate::attempt;
use crate::classify::{ByType, Classify};
use crate::macros::ready_and_oneshot;
use crate::readiness::Readied;
use crate::spare::Spare;
use crate::sync::Arc;
use crate::verdict::Verdict;

/// A service whose failed calls are repeated. Made by a [`RetryLayer`](super::RetryLayer).
#[derive(Debug)]
pub struct RetryService<S, C = ByType, P = ByRequest> {
    inner: Readied<S>,
    core: Arc<Core<S, C, P>>,
}

/// What all calls of a service share. In one place, so that a call counts one reference.
pub(super) struct Core<S, C, P> {
    engine: Retry,
    // Fixed here, because the engine keeps it behind a lock.
    budget: RetryBudget,
    spare: Spare<S>,
    classify: C,
    repeat: P,
}

impl<S: Clone, C, P> RetryService<S, C, P> {
    pub(super) fn new(inner: S, engine: Retry, classify: C, repeat: P) -> Self {
        let budget = engine.any_budget();
        let core = Core { engine, budget, spare: Spare::of(&inner), classify, repeat };
        Self { inner: Readied::new(inner), core: Arc::new(core) }
    }
}

impl<S, C, P> RetryService<S, C, P> {
    /// The inner service that takes the first attempt of each call.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner.into_inner()
    }
}

ready_and_oneshot!(RetryService<S, C, P>, [S, C, P]);

impl<S: Clone, C, P> Clone for RetryService<S, C, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), core: Arc::clone(&self.core) }
    }
}

impl<S, C, P, Req> Service<Req> for RetryService<S, C, P>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error>,
    P: Repeat<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RetryFuture<S, Req, C, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx, || false)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        let core = Arc::clone(&self.core);
        if self.inner.get_ready().is_err() {
            return RetryFuture::unready(core, request);
        }
        let next = core.copy(&request, 1);
        core.count(None);
        let _attempt = attempt::enter(attempt::FIRST);
        RetryFuture::sent(core, next, self.inner.call(request))
    }
}

impl<S, C, P> Core<S, C, P> {
    pub(super) fn spare(&self) -> &Spare<S> {
        &self.spare
    }

    pub(super) fn classify<Res, E>(&self, result: Result<&Res, &E>) -> Verdict
    where
        C: Classify<Res, E>,
    {
        self.classify.classify(result)
    }

    /// A copy of the request of attempt number `sent`, for the attempt after it.
    pub(super) fn copy<Req>(&self, request: &Req, sent: u32) -> Option<Req>
    where
        P: Repeat<Req>,
    {
        if self.engine.has_attempt_after(sent) { self.repeat.replay(request) } else { None }
    }

    pub(super) fn repeatable<Req>(&self, request: Option<&Req>) -> bool
    where
        P: Repeat<Req>,
    {
        request.is_some_and(|request| self.repeat.repeatable(request))
    }

    #[inline]
    pub(super) fn after(&self, verdict: &Verdict, standing: Standing) -> Option<Pause> {
        self.engine.after(&self.budget, verdict, standing)
    }

    /// Whether what waits to be repeated is not to be.
    pub(super) fn is_off(&self) -> bool {
        self.engine.is_off()
    }

    /// An attempt is about to be sent: the first one, or one that has a ticket.
    pub(super) fn count(&self, ticket: Option<Ticket>) {
        match ticket {
            None => self.engine.first(),
            Some(ticket) => self.engine.again(ticket),
        }
    }
}

impl<S, C: fmt::Debug, P: fmt::Debug> fmt::Debug for Core<S, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("engine", &self.engine)
            .field("classify", &self.classify)
            .field("repeat", &self.repeat)
            .finish_non_exhaustive()
    }
}
