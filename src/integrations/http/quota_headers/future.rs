use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Extensions, Response};
use pin_project_lite::pin_project;

use super::fields;
use super::source::Ticket;
use crate::name::Name;
use crate::reject::{Rejected, RejectedKind};
use crate::sync::Arc;

pin_project! {
    /// The response future of a [`RateLimitHeadersService`](super::RateLimitHeadersService).
    #[must_use = "futures do nothing unless polled"]
    pub struct RateLimitHeadersFuture<F, T> {
        #[pin]
        limited: F,
        ticket: T,
        policy: Arc<str>,
    }
}

impl<F, T> RateLimitHeadersFuture<F, T> {
    pub(super) fn new(limited: F, ticket: T, policy: Arc<str>) -> Self {
        Self { limited, ticket, policy }
    }
}

impl<F, T, B, E> Future for RateLimitHeadersFuture<F, T>
where
    F: Future<Output = Result<Response<B>, E>>,
    T: Ticket,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut result = ready!(this.limited.poll(cx));
        if let (Ok(response), Some((quota, peek))) = (&mut result, this.ticket.read()) {
            let told = told(response.extensions(), &this.ticket.name());
            let headers = response.headers_mut();
            add(headers, POLICY, &fields::policy(this.policy, quota));
            add(headers, LIMIT, &fields::limit(this.policy, quota, peek, told));
        }
        Poll::Ready(result)
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// When a call comes back that the rate limit of this name rejected, and not one inside.
fn told(extensions: &Extensions, name: &Name) -> Option<Duration> {
    let rejected = extensions.get::<Rejected>()?;
    let is_ours = rejected.kind() == RejectedKind::RateLimited && rejected.name() == name.as_str();
    is_ours.then(|| rejected.retry_after()).flatten()
}

/// One line more: a limit inside may have written one.
fn add(headers: &mut HeaderMap, name: HeaderName, field: &str) {
    if let Ok(value) = HeaderValue::from_str(field) {
        // A map that can take no more is the handler's, and no reason to panic.
        let _ = headers.try_append(name, value);
    }
}

impl<F, T> fmt::Debug for RateLimitHeadersFuture<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitHeadersFuture").finish_non_exhaustive()
    }
}
