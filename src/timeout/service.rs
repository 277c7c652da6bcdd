use std::task::{Context, Poll};

use tower::Service;

use super::engine::Timeout;
use super::future::TimeoutFuture;
use super::watch::Watch;
use crate::deadline::Frame;
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::Readied;
use crate::reject::{Convert, OnReject};

/// A service whose calls end after a time. Made by a [`TimeoutLayer`](super::TimeoutLayer).
#[derive(Clone, Debug)]
pub struct TimeoutService<S, R = Convert> {
    inner: Readied<S>,
    engine: Timeout,
    on_reject: R,
}

impl<S, R> TimeoutService<S, R> {
    pub(super) fn new(inner: S, engine: Timeout, on_reject: R) -> Self {
        Self { inner: Readied::new(inner), engine, on_reject }
    }
}

inner_access!(TimeoutService<S, R>, [S, R], inner);
ready_and_oneshot!(TimeoutService<S, R>, [S, R]);

impl<S, R, Req> Service<Req> for TimeoutService<S, R>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TimeoutFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx, || false)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        let on_reject = self.on_reject.clone();
        if self.inner.get_ready().is_err() {
            return TimeoutFuture::refused(self.engine.reject_not_ready(), on_reject);
        }
        let engine = self.engine.admit();
        let _in_force = engine.in_force(Frame::current(), Watch::UNSET).enter();
        TimeoutFuture::sent(engine, self.inner.call(request), on_reject)
    }
}
