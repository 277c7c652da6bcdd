use std::task::{Context, Poll};

use tower::Service;

use super::future::QueuedBulkheadFuture;
use crate::bulkhead::admission::Admission;
use crate::bulkhead::engine::Bulkhead;
use crate::macros::ready_and_oneshot;
use crate::readiness::{Readied, Unready};
use crate::reject::{Convert, OnReject, RejectedKind};
use crate::spare::Spare;

/// A service with a limit of calls in flight, whose calls wait for their turn. Made by a
/// [`BulkheadLayer`](crate::BulkheadLayer) with a [queue](crate::BulkheadLayer::queue).
#[derive(Clone, Debug)]
pub struct QueuedBulkheadService<S, R = Convert> {
    inner: Readied<S>,
    spare: Spare<S>,
    engine: Bulkhead,
    on_reject: R,
}

impl<S: Clone, R> QueuedBulkheadService<S, R> {
    pub(in crate::bulkhead) fn new(inner: S, engine: Bulkhead, on_reject: R) -> Self {
        let spare = Spare::of(&inner);
        Self { inner: Readied::new(inner), spare, engine, on_reject }
    }
}

impl<S, R> QueuedBulkheadService<S, R> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        self.inner.get_ref()
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner.into_inner()
    }
}

ready_and_oneshot!(QueuedBulkheadService<S, R>, [S, R]);

impl<S, R, Req> Service<Req> for QueuedBulkheadService<S, R>
where
    S: Service<Req> + Clone,
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
impl<S, R: Clone> QueuedBulkheadService<S, R> {
    pub(crate) fn poll_admission<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        self.inner.poll_ready(cx, || self.engine.rejects_waiting())
    }

    pub(crate) fn send<Req>(&mut self, request: Req) -> QueuedBulkheadFuture<S, Req, S::Future, R>
    where
        S: Service<Req> + Clone,
    {
        let on_reject = self.on_reject.clone();
        let admission = match self.inner.get_ready() {
            Ok(()) => self.engine.admit_or_queue(),
            Err(unready) => {
                self.inner.refused();
                Admission::Rejected(self.engine.reject(match unready {
                    Unready::Refusing => RejectedKind::QueueFull,
                    Unready::NotPolled => RejectedKind::NotReady,
                }))
            }
        };
        match admission {
            Admission::Admitted(permit) => {
                QueuedBulkheadFuture::sent(permit, self.inner.call(request), on_reject)
            }
            Admission::Waits(waiting) => {
                // What the readied service has reserved for this call would be held for as long as it
                // waits, and whoever is called before it might need just that.
                self.inner.renew(self.spare.take());
                QueuedBulkheadFuture::waiting(waiting, request, self.spare.clone(), on_reject)
            }
            Admission::Rejected(rejected) => QueuedBulkheadFuture::refused(rejected, on_reject),
        }
    }
}
