use std::fmt::Debug;
use std::task::{Context, Poll};

use tower::Service;

use super::engine::KeyedBulkhead;
use crate::bulkhead::admission::Admission;
use crate::bulkhead::future::BulkheadFuture;
use crate::bulkhead::permit::BulkheadPermit;
use crate::bulkhead::queued::QueuedBulkheadFuture;
use crate::key::KeyOf;
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::Readied;
use crate::reject::{Convert, OnReject, Rejected};
use crate::spare::Spare;

/// A service with a limit of calls in flight for each key, which rejects others at once. Made by a
/// [`KeyedBulkheadLayer`](super::KeyedBulkheadLayer).
///
/// It is ready when the inner service is: the key of the call to come is not known yet.
#[derive(Clone, Debug)]
pub struct KeyedBulkheadService<S, K, R = Convert> {
    inner: Readied<S>,
    engine: KeyedBulkhead,
    key: K,
    on_reject: R,
}

impl<S, K, R> KeyedBulkheadService<S, K, R> {
    pub(super) fn new(inner: S, engine: KeyedBulkhead, key: K, on_reject: R) -> Self {
        Self { inner: Readied::new(inner), engine, key, on_reject }
    }

    /// The one decision. What the user's closure does comes first: if it panics, nothing was taken.
    #[inline]
    fn admit<Req>(&self, request: &Req) -> Result<BulkheadPermit, Rejected>
    where
        K: KeyOf<Req, Key: Debug>,
    {
        if self.inner.get_ready().is_err() {
            return Err(self.engine.reject_not_ready());
        }
        match self.key.key_of(request) {
            Some(key) => self.engine.try_admit(&key),
            None => Ok(self.engine.admit_unlimited()),
        }
    }
}

inner_access!(KeyedBulkheadService<S, K, R>, [S, K, R], inner);
ready_and_oneshot!(KeyedBulkheadService<S, K, R>, [S, K, R]);

impl<S, K, R, Req> Service<Req> for KeyedBulkheadService<S, K, R>
where
    S: Service<Req>,
    K: KeyOf<Req, Key: Debug>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BulkheadFuture<S::Future, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.poll_admission(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        self.send(request)
    }
}

/// Whatever the strategy makes of responses.
impl<S, K, R: Clone> KeyedBulkheadService<S, K, R> {
    #[inline]
    pub(crate) fn poll_admission<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        self.inner.poll_ready(cx, || false)
    }

    pub(crate) fn send<Req>(&mut self, request: Req) -> BulkheadFuture<S::Future, R>
    where
        S: Service<Req>,
        K: KeyOf<Req, Key: Debug>,
    {
        let on_reject = self.on_reject.clone();
        match self.admit(&request) {
            Ok(permit) => BulkheadFuture::sent(permit, self.inner.call(request), on_reject),
            Err(rejected) => BulkheadFuture::refused(rejected, on_reject),
        }
    }
}

/// A service with a limit of calls in flight for each key, whose calls wait for their turn. Made by a
/// [`KeyedBulkheadLayer`](super::KeyedBulkheadLayer) with a [queue](super::KeyedBulkheadLayer::queue).
#[derive(Clone, Debug)]
pub struct KeyedQueuedBulkheadService<S, K, R = Convert> {
    inner: Readied<S>,
    spare: Spare<S>,
    engine: KeyedBulkhead,
    key: K,
    on_reject: R,
}

impl<S: Clone, K, R> KeyedQueuedBulkheadService<S, K, R> {
    pub(super) fn new(inner: S, engine: KeyedBulkhead, key: K, on_reject: R) -> Self {
        let spare = Spare::of(&inner);
        Self { inner: Readied::new(inner), spare, engine, key, on_reject }
    }
}

impl<S, K, R> KeyedQueuedBulkheadService<S, K, R> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner.into_inner()
    }

    fn admit<Req>(&self, request: &Req) -> Admission
    where
        K: KeyOf<Req, Key: Debug>,
    {
        if self.inner.get_ready().is_err() {
            return Admission::Rejected(self.engine.reject_not_ready());
        }
        match self.key.key_of(request) {
            Some(key) => self.engine.admit_or_queue(&key),
            None => Admission::Admitted(self.engine.admit_unlimited()),
        }
    }
}

ready_and_oneshot!(KeyedQueuedBulkheadService<S, K, R>, [S, K, R]);

impl<S, K, R, Req> Service<Req> for KeyedQueuedBulkheadService<S, K, R>
where
    S: Service<Req> + Clone,
    K: KeyOf<Req, Key: Debug>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = QueuedBulkheadFuture<S, Req, S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.poll_admission(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        self.send(request)
    }
}

/// Whatever the strategy makes of responses.
impl<S, K, R: Clone> KeyedQueuedBulkheadService<S, K, R> {
    #[inline]
    pub(crate) fn poll_admission<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        self.inner.poll_ready(cx, || false)
    }

    pub(crate) fn send<Req>(&mut self, request: Req) -> QueuedBulkheadFuture<S, Req, S::Future, R>
    where
        S: Service<Req> + Clone,
        K: KeyOf<Req, Key: Debug>,
    {
        let on_reject = self.on_reject.clone();
        match self.admit(&request) {
            Admission::Admitted(permit) => {
                QueuedBulkheadFuture::sent(permit, self.inner.call(request), on_reject)
            }
            Admission::Waits(waiting) => {
                // What the readied service has reserved for this call would be held for as long as it waits.
                self.inner.renew(self.spare.take());
                QueuedBulkheadFuture::waiting(waiting, request, self.spare.clone(), on_reject)
            }
            Admission::Rejected(rejected) => QueuedBulkheadFuture::refused(rejected, on_reject),
        }
    }
}
