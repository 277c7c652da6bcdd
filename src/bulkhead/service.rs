use std::task::{Context, Poll};

use tower::Service;

use super::engine::Bulkhead;
use super::future::BulkheadFuture;
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::{Readied, Unready};
use crate::reject::{Convert, OnReject, RejectedKind};

/// A service with a limit of calls in flight, which rejects others at once. Made by a
/// [`BulkheadLayer`](super::BulkheadLayer).
#[derive(Clone, Debug)]
pub struct BulkheadService<S, R = Convert> {
    inner: Readied<S>,
    engine: Bulkhead,
    on_reject: R,
}

impl<S, R> BulkheadService<S, R> {
    pub(super) fn new(inner: S, engine: Bulkhead, on_reject: R) -> Self {
        Self { inner: Readied::new(inner), engine, on_reject }
    }
}

inner_access!(BulkheadService<S, R>, [S, R], inner);
ready_and_oneshot!(BulkheadService<S, R>, [S, R]);

impl<S, R, Req> Service<Req> for BulkheadService<S, R>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BulkheadFuture<S::Future, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.poll_admission(cx)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        self.send(request)
    }
}

/// Whatever the strategy makes of responses.
impl<S, R: Clone> BulkheadService<S, R> {
    #[inline]
    pub(crate) fn poll_admission<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        self.inner.poll_ready(cx, || self.engine.rejects())
    }

    #[inline(always)]
    pub(crate) fn send<Req>(&mut self, request: Req) -> BulkheadFuture<S::Future, R>
    where
        S: Service<Req>,
    {
        if self.inner.get_ready().is_ok()
            && let Some(permit) = self.engine.admit_now()
        {
            return BulkheadFuture::sent(permit, self.inner.call(request), self.on_reject.clone());
        }
        self.call_otherwise(request)
    }

    /// A call that finds no room. Apart from those that do, so that a permit is made where it stays.
    #[cold]
    fn call_otherwise<Req>(&mut self, request: Req) -> BulkheadFuture<S::Future, R>
    where
        S: Service<Req>,
    {
        let on_reject = self.on_reject.clone();
        let admitted = match self.inner.get_ready() {
            Ok(()) => self.engine.try_admit(),
            Err(unready) => {
                self.inner.refused();
                Err(self.engine.reject(match unready {
                    Unready::Refusing => RejectedKind::BulkheadFull,
                    Unready::NotPolled => RejectedKind::NotReady,
                }))
            }
        };
        match admitted {
            Ok(permit) => BulkheadFuture::sent(permit, self.inner.call(request), on_reject),
            Err(rejected) => BulkheadFuture::refused(rejected, on_reject),
        }
    }
}
