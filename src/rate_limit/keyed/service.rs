use std::task::{Context, Poll};

use tower::Service;

use super::engine::KeyedRateLimiter;
use crate::key::KeyOf;
use crate::macros::{inner_access, ready_and_oneshot};
use crate::rate_limit::cost::{Cost, OneCell};
use crate::rate_limit::future::RateLimitFuture;
use crate::readiness::Readied;
use crate::reject::{Convert, OnReject, Rejected};

/// A service whose calls are rejected while the quota of their key is used up. Made by a
/// [`KeyedRateLimitLayer`](super::KeyedRateLimitLayer).
#[derive(Clone, Debug)]
pub struct KeyedRateLimitService<S, K, C = OneCell, R = Convert> {
    inner: Readied<S>,
    engine: KeyedRateLimiter,
    key: K,
    cost: C,
    on_reject: R,
}

impl<S, K, C, R> KeyedRateLimitService<S, K, C, R> {
    pub(super) fn new(inner: S, engine: KeyedRateLimiter, key: K, cost: C, on_reject: R) -> Self {
        Self { inner: Readied::new(inner), engine, key, cost, on_reject }
    }

    /// The one decision. What the user's closures do comes first: if they panic, nothing was taken.
    fn admit<Req>(&self, request: &Req) -> Result<(), Rejected>
    where
        K: KeyOf<Req>,
        C: Cost<Req>,
    {
        if self.inner.get_ready().is_err() {
            return Err(self.engine.reject_not_ready());
        }
        let Some(key) = self.key.key_of(request) else {
            self.engine.admit_unlimited();
            return Ok(());
        };
        self.engine.try_admit_n(&key, self.cost.cost(request))
    }
}

inner_access!(KeyedRateLimitService<S, K, C, R>, [S, K, C, R], inner);
ready_and_oneshot!(KeyedRateLimitService<S, K, C, R>, [S, K, C, R]);

impl<S, K, C, R, Req> Service<Req> for KeyedRateLimitService<S, K, C, R>
where
    S: Service<Req>,
    K: KeyOf<Req>,
    C: Cost<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RateLimitFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // The key of the call to come is not known yet.
        self.inner.poll_ready(cx, || false)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let on_reject = self.on_reject.clone();
        match self.admit(&request) {
            Ok(()) => RateLimitFuture::sent(self.inner.call(request), on_reject),
            Err(rejected) => RateLimitFuture::refused(rejected, on_reject),
        }
    }
}
