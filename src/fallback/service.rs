use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::engine::Fallback;
use super::fallen::Fallen;
use super::future::FallbackFuture;
use super::mode::Substitute;
use crate::classify::{ByType, Classify};
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::Readied;
use crate::sync::Arc;
use crate::verdict::Verdict;

/// A service with a value or a closure that answers in its place. Made by a
/// [`FallbackLayer`](super::FallbackLayer).
pub struct FallbackService<S, M, C = ByType, P = fn(&Verdict) -> bool> {
    inner: Readied<S>,
    core: Arc<Core<M, C, P>>,
}

/// What all calls of a service share. In one place, so that a call counts one reference.
pub(super) struct Core<M, C, P> {
    pub(super) engine: Fallback,
    pub(super) mode: M,
    pub(super) classify: C,
    pub(super) on: P,
}

impl<M, C, P> Core<M, C, P> {
    /// What the result means, if the fallback is to be asked.
    pub(super) fn falls<Res, E>(&self, result: Result<&Res, &E>) -> Option<Verdict>
    where
        C: Classify<Res, E>,
        P: Fn(&Verdict) -> bool,
    {
        let verdict = self.classify.classify(result);
        (self.on)(&verdict).then_some(verdict)
    }

    pub(super) fn substitute<Res, E>(&self, fallen: Fallen<Res, E>) -> Result<Res, E>
    where
        M: Substitute<Res, E>,
        C: Classify<Res, E>,
    {
        self.engine.fell(fallen.verdict());
        self.engine.answered(&self.classify, self.mode.substitute(fallen))
    }
}

impl<S, M, C, P> FallbackService<S, M, C, P> {
    pub(super) fn new(inner: S, core: Core<M, C, P>) -> Self {
        Self { inner: Readied::new(inner), core: Arc::new(core) }
    }
}

inner_access!(FallbackService<S, M, C, P>, [S, M, C, P], inner);
ready_and_oneshot!(FallbackService<S, M, C, P>, [S, M, C, P]);

impl<S, M, C, P, Req> Service<Req> for FallbackService<S, M, C, P>
where
    S: Service<Req>,
    M: Substitute<S::Response, S::Error>,
    C: Classify<S::Response, S::Error>,
    P: Fn(&Verdict) -> bool,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FallbackFuture<S::Future, M, C, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx, || false)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let core = Arc::clone(&self.core);
        if self.inner.get_ready().is_err() {
            core.engine.reject_not_ready();
            return FallbackFuture::unready(core);
        }
        core.engine.admit();
        FallbackFuture::sent(core, self.inner.call(request))
    }
}

impl<S: Clone, M, C, P> Clone for FallbackService<S, M, C, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), core: Arc::clone(&self.core) }
    }
}

impl<S: fmt::Debug, M: fmt::Debug, C, P> fmt::Debug for FallbackService<S, M, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackService")
            .field("inner", &self.inner)
            .field("engine", &self.core.engine)
            .field("mode", &self.core.mode)
            .finish_non_exhaustive()
    }
}
