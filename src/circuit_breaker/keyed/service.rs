use std::fmt::Debug;
use std::task::{Context, Poll};

use tower::Service;

use super::engine::KeyedCircuitBreaker;
use super::permit::KeyedCircuitPermit;
use crate::circuit_breaker::future::CircuitBreakerFuture;
use crate::classify::{ByType, Classify};
use crate::key::KeyOf;
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::Readied;
use crate::reject::{Convert, OnReject, Rejected};

/// A service behind a circuit breaker for each key. Made by a
/// [`KeyedCircuitBreakerLayer`](super::KeyedCircuitBreakerLayer).
///
/// It is ready when the inner service is: the key of the call to come is not known yet.
#[derive(Clone, Debug)]
pub struct KeyedCircuitBreakerService<S, K, C = ByType, R = Convert> {
    inner: Readied<S>,
    breaker: KeyedCircuitBreaker,
    key: K,
    classify: C,
    on_reject: R,
}

impl<S, K, C, R> KeyedCircuitBreakerService<S, K, C, R> {
    pub(super) fn new(inner: S, breaker: KeyedCircuitBreaker, key: K, classify: C, on_reject: R) -> Self {
        Self { inner: Readied::new(inner), breaker, key, classify, on_reject }
    }

    /// The one decision. What the user's closure does comes first: if it panics, nothing was taken.
    #[inline]
    fn admit<Req>(&self, request: &Req) -> Result<KeyedCircuitPermit, Rejected>
    where
        K: KeyOf<Req, Key: Debug>,
    {
        if self.inner.get_ready().is_err() {
            return Err(self.breaker.reject_not_ready());
        }
        match self.key.key_of(request) {
            Some(key) => self.breaker.admit(&key),
            None => Ok(self.breaker.admit_unguarded()),
        }
    }
}

inner_access!(KeyedCircuitBreakerService<S, K, C, R>, [S, K, C, R], inner);
ready_and_oneshot!(KeyedCircuitBreakerService<S, K, C, R>, [S, K, C, R]);

impl<S, K, C, R, Req> Service<Req> for KeyedCircuitBreakerService<S, K, C, R>
where
    S: Service<Req>,
    K: KeyOf<Req, Key: Debug>,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CircuitBreakerFuture<S::Future, C, R, KeyedCircuitPermit>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.poll_admission(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        self.send(request)
    }
}

/// Whatever the strategies make of responses.
impl<S, K, C: Clone, R: Clone> KeyedCircuitBreakerService<S, K, C, R> {
    #[inline]
    pub(crate) fn poll_admission<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        self.inner.poll_ready(cx, || false)
    }

    #[inline]
    pub(crate) fn send<Req>(
        &mut self,
        request: Req,
    ) -> CircuitBreakerFuture<S::Future, C, R, KeyedCircuitPermit>
    where
        S: Service<Req>,
        K: KeyOf<Req, Key: Debug>,
    {
        let (classify, on_reject) = (self.classify.clone(), self.on_reject.clone());
        match self.admit(&request) {
            Ok(permit) => CircuitBreakerFuture::sent(self.inner.call(request), permit, classify, on_reject),
            Err(rejected) => CircuitBreakerFuture::refused(rejected, classify, on_reject),
        }
    }
}
