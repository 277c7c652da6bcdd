use std::fmt;
use std::task::{Context, Poll};

use tower::Service;

use super::future::FallbackToServiceFuture;
use crate::classify::{ByType, Classify};
use crate::fallback::mode::ToService;
use crate::fallback::service::Core;
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::Readied;
use crate::replay::Replay;
use crate::sync::Arc;
use crate::verdict::Verdict;

/// A service with another one that is asked in its place. Made by
/// [`FallbackLayer::service`](crate::FallbackLayer::service).
pub struct FallbackToService<S, O, C = ByType, P = fn(&Verdict) -> bool> {
    inner: Readied<S>,
    core: Arc<Core<ToService<O>, C, P>>,
}

impl<S, O, C, P> FallbackToService<S, O, C, P> {
    pub(in crate::fallback) fn new(inner: S, core: Core<ToService<O>, C, P>) -> Self {
        Self { inner: Readied::new(inner), core: Arc::new(core) }
    }
}

inner_access!(FallbackToService<S, O, C, P>, [S, O, C, P], inner);
ready_and_oneshot!(FallbackToService<S, O, C, P>, [S, O, C, P]);

impl<S, O, C, P, Req> Service<Req> for FallbackToService<S, O, C, P>
where
    S: Service<Req>,
    O: Service<Req, Response = S::Response, Error = S::Error> + Clone,
    C: Classify<S::Response, S::Error>,
    P: Fn(&Verdict) -> bool,
    Req: Replay,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FallbackToServiceFuture<S, O, Req, C, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx, || false)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let core = Arc::clone(&self.core);
        if self.inner.get_ready().is_err() {
            core.engine.reject_not_ready();
            return FallbackToServiceFuture::unready(core, request);
        }
        let copy = request.replay();
        core.engine.admit();
        FallbackToServiceFuture::sent(core, self.inner.call(request), copy)
    }
}

impl<S: Clone, O, C, P> Clone for FallbackToService<S, O, C, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), core: Arc::clone(&self.core) }
    }
}

impl<S: fmt::Debug, O, C, P> fmt::Debug for FallbackToService<S, O, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackToService")
            .field("inner", &self.inner)
            .field("engine", &self.core.engine)
            .field("other", &self.core.mode)
            .finish_non_exhaustive()
    }
}
