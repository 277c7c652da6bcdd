use std::task::{Context, Poll, ready};

use tower::Service;

use super::engine::CircuitBreaker;
use super::future::CircuitBreakerFuture;
use super::wait::Wait;
use crate::algo::breaker::Outlook;
use crate::classify::{ByType, Classify};
use crate::macros::{inner_access, ready_and_oneshot};
use crate::readiness::{Readied, Unready};
use crate::reject::{Convert, OnReject};

/// A service behind a circuit breaker. Made by a [`CircuitBreakerLayer`](super::CircuitBreakerLayer).
#[derive(Debug)]
pub struct CircuitBreakerService<S, C = ByType, R = Convert> {
    inner: Readied<S>,
    breaker: CircuitBreaker,
    classify: C,
    on_reject: R,
    readiness: Readiness,
}

/// What an open breaker says when it is asked for readiness.
#[derive(Debug)]
enum Readiness {
    /// That it is ready: to reject.
    Reject,
    /// That it is not. There is a wait while somebody waits.
    Backpressure(Option<Box<Wait>>),
}

impl<S, C, R> CircuitBreakerService<S, C, R> {
    pub(super) fn new(
        inner: S,
        breaker: CircuitBreaker,
        classify: C,
        on_reject: R,
        backpressure: bool,
    ) -> Self {
        let readiness = if backpressure { Readiness::Backpressure(None) } else { Readiness::Reject };
        Self { inner: Readied::new(inner), breaker, classify, on_reject, readiness }
    }
}

inner_access!(CircuitBreakerService<S, C, R>, [S, C, R], inner);
ready_and_oneshot!(CircuitBreakerService<S, C, R>, [S, C, R]);

impl<S, C, R, Req> Service<Req> for CircuitBreakerService<S, C, R>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error> + Clone,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = CircuitBreakerFuture<S::Future, C, R>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.poll_admission(cx)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        self.send(request)
    }
}

/// Whatever the strategies make of responses.
impl<S, C: Clone, R: Clone> CircuitBreakerService<S, C, R> {
    #[inline]
    pub(crate) fn poll_admission<Req>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        if let Readiness::Backpressure(wait) = &mut self.readiness {
            ready!(poll_open(&self.breaker, wait, cx));
            return self.inner.poll_ready(cx, || false);
        }
        match self.breaker.outlook() {
            Outlook::Admitted => self.inner.poll_ready(cx, || false),
            Outlook::Refused => {
                self.inner.refuse();
                Poll::Ready(Ok(()))
            }
            Outlook::Depends => self.inner.poll_ready(cx, || self.breaker.would_refuse()),
        }
    }

    #[inline(always)]
    pub(crate) fn send<Req>(&mut self, request: Req) -> CircuitBreakerFuture<S::Future, C, R>
    where
        S: Service<Req>,
    {
        // The permit is there before the inner service is called, which may panic.
        if self.inner.get_ready().is_ok()
            && let Some(permit) = self.breaker.admit_closed()
        {
            let inner = self.inner.call(request);
            return CircuitBreakerFuture::sent(inner, permit, self.classify.clone(), self.on_reject.clone());
        }
        self.call_otherwise(request)
    }

    /// A call that does not come to a closed breaker. Apart from those that do, so that a permit is made where it stays.
    #[cold]
    fn call_otherwise<Req>(&mut self, request: Req) -> CircuitBreakerFuture<S::Future, C, R>
    where
        S: Service<Req>,
    {
        let (classify, on_reject) = (self.classify.clone(), self.on_reject.clone());
        let admitted = match self.inner.get_ready() {
            Ok(()) => self.breaker.admit(),
            Err(Unready::Refusing) => Err(self.breaker.reject_as_said()),
            Err(Unready::NotPolled) => Err(self.breaker.reject_not_ready()),
        };
        match admitted {
            Ok(permit) => CircuitBreakerFuture::sent(self.inner.call(request), permit, classify, on_reject),
            Err(rejected) => {
                self.inner.refused();
                CircuitBreakerFuture::refused(rejected, classify, on_reject)
            }
        }
    }
}

/// Pending while calls would be rejected.
fn poll_open(breaker: &CircuitBreaker, wait: &mut Option<Box<Wait>>, cx: &mut Context<'_>) -> Poll<()> {
    if breaker.outlook() != Outlook::Admitted {
        ready!(wait.get_or_insert_with(|| Box::new(Wait::new(breaker.clone()))).poll(cx));
    }
    *wait = None;
    Poll::Ready(())
}

/// The clone has to be readied by itself, and waits by itself.
impl<S: Clone, C: Clone, R: Clone> Clone for CircuitBreakerService<S, C, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            breaker: self.breaker.clone(),
            classify: self.classify.clone(),
            on_reject: self.on_reject.clone(),
            readiness: match self.readiness {
                Readiness::Reject => Readiness::Reject,
                Readiness::Backpressure(_) => Readiness::Backpressure(None),
            },
        }
    }
}
