use std::task::{Context, Poll};

use tower::Service;

use super::cost::{Cost, OneCell};
use super::engine::RateLimiter;
use super::future::RateLimitFuture;
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::{Readied, Unready};
use crate::reject::{Convert, OnReject};

/// A service whose calls are rejected while the quota is used up. Made by a
/// [`RateLimitLayer`](super::RateLimitLayer).
#[derive(Clone, Debug)]
pub struct RateLimitService<S, C = OneCell, R = Convert> {
    inner: Readied<S>,
    engine: RateLimiter,
    cost: C,
    on_reject: R,
}

impl<S, C, R> RateLimitService<S, C, R> {
    pub(super) fn new(inner: S, engine: RateLimiter, cost: C, on_reject: R) -> Self {
        Self { inner: Readied::new(inner), engine, cost, on_reject }
    }
}

inner_access!(RateLimitService<S, C, R>, [S, C, R], inner);
ready_and_oneshot!(RateLimitService<S, C, R>, [S, C, R]);

impl<S, C, R, Req> Service<Req> for RateLimitService<S, C, R>
where
    S: Service<Req>,
    C: Cost<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RateLimitFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx, || self.engine.would_reject())
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        let on_reject = self.on_reject.clone();
        let admission = match self.inner.get_ready() {
            Ok(()) => self.engine.try_admit_n(self.cost.cost(&request)),
            Err(Unready::Refusing) => Err(self.engine.reject_unready(self.cost.cost(&request))),
            Err(Unready::NotPolled) => Err(self.engine.reject_not_ready()),
        };
        match admission {
            Ok(()) => RateLimitFuture::sent(self.inner.call(request), on_reject),
            Err(rejected) => {
                self.inner.refused();
                RateLimitFuture::refused(rejected, on_reject)
            }
        }
    }
}
