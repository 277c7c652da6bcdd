use std::task::{Context, Poll};

use http::Response;
use tower::Service;

use super::future::RateLimitHeadersFuture;
use super::source::Source;
use crate::macros::ready_and_oneshot;
use crate::sync::Arc;

/// A service with a rate limit that tells what is left of it. Made by a
/// [`RateLimitHeadersLayer`](super::RateLimitHeadersLayer).
#[derive(Clone, Debug)]
pub struct RateLimitHeadersService<S, P> {
    limited: S,
    source: P,
    policy: Arc<str>,
}

impl<S, P> RateLimitHeadersService<S, P> {
    pub(super) fn new(limited: S, source: P, policy: Arc<str>) -> Self {
        Self { limited, source, policy }
    }

    /// The service with the rate limit, which in turn has access to what it is around: `service.get_ref().get_ref()`.
    pub fn get_ref(&self) -> &S {
        &self.limited
    }

    /// The service with the rate limit. What is done to it must not change whether it is ready.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.limited
    }

    /// The service with the rate limit, without the headers.
    pub fn into_inner(self) -> S {
        self.limited
    }
}

ready_and_oneshot!(RateLimitHeadersService<S, P>, [S, P]);

impl<S, P, Req, B> Service<Req> for RateLimitHeadersService<S, P>
where
    S: Service<Req, Response = Response<B>>,
    P: Source<Req>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = RateLimitHeadersFuture<S::Future, P::Ticket>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.limited.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let ticket = self.source.ticket(&request);
        RateLimitHeadersFuture::new(self.limited.call(request), ticket, Arc::clone(&self.policy))
    }
}
