use std::task::{Context, Poll};

use tower::Service;

use super::future::WaitingRateLimitFuture;
use super::wait::Admission;
use crate::macros::ready_and_oneshot;
use crate::rate_limit::cost::{Cost, OneCell};
use crate::rate_limit::engine::RateLimiter;
use crate::readiness::Readied;
use crate::reject::{Convert, OnReject};
use crate::spare::Spare;

/// A service whose calls wait until the quota allows them. Made by a
/// [`RateLimitLayer`](crate::RateLimitLayer) in the mode [`Waiting`](crate::rate_limit::Waiting).
#[derive(Clone, Debug)]
pub struct WaitingRateLimitService<S, C = OneCell, R = Convert> {
    inner: Readied<S>,
    spare: Spare<S>,
    engine: RateLimiter,
    cost: C,
    on_reject: R,
}

impl<S: Clone, C, R> WaitingRateLimitService<S, C, R> {
    pub(in crate::rate_limit) fn new(inner: S, engine: RateLimiter, cost: C, on_reject: R) -> Self {
        Self { spare: Spare::of(&inner), inner: Readied::new(inner), engine, cost, on_reject }
    }
}

impl<S, C, R> WaitingRateLimitService<S, C, R> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner.into_inner()
    }
}

ready_and_oneshot!(WaitingRateLimitService<S, C, R>, [S, C, R]);

impl<S, C, R, Req> Service<Req> for WaitingRateLimitService<S, C, R>
where
    S: Service<Req> + Clone,
    C: Cost<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = WaitingRateLimitFuture<S, Req, S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx, || false)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let on_reject = self.on_reject.clone();
        if self.inner.get_ready().is_err() {
            return WaitingRateLimitFuture::refused(self.engine.reject_not_ready(), on_reject);
        }
        match self.engine.admit_or_wait(self.cost.cost(&request)) {
            Admission::Admitted => WaitingRateLimitFuture::sent(self.inner.call(request), on_reject),
            Admission::Rejected(rejected) => WaitingRateLimitFuture::refused(rejected, on_reject),
            Admission::Waits(wait) => {
                // What the readied service has reserved for this call would be held for as long as it
                // waits, and others would queue up for that instead of here, without a bound.
                self.inner.renew(self.spare.take());
                WaitingRateLimitFuture::waiting(wait, request, self.spare.clone(), on_reject)
            }
        }
    }
}
