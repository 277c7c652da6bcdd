use tower::Layer;

use super::fields;
use super::service::RateLimitHeadersService;
use super::source::PerKey;
use crate::error::{InvalidConfig, valid};
#[cfg(feature = "stack")]
use crate::explain::{Part, PartInfo};
use crate::rate_limit::{KeyedRateLimitLayer, RateLimitLayer, RateLimiter};
use crate::sync::Arc;

/// A rate limit that tells clients how much is left, on each response. Made by `headers` of a
/// [`RateLimitLayer`] or a [`KeyedRateLimitLayer`].
///
/// The fields are those of the IETF's draft-ietf-httpapi-ratelimit-headers-11, on responses of admitted and of rejected
/// calls alike:
///
/// ```text
/// RateLimit-Policy: "per-client";q=100;w=60
/// RateLimit: "per-client";r=50;t=30
/// ```
///
/// `q` calls in `w` seconds is the quota. `r` are left, to be spread over `t` seconds: that is how long as many take to
/// come back. With none left, `t` is the time until there is one, as in `Retry-After`. A response that has such fields
/// already, from a limit inside, gets one line more of each.
///
/// Nothing is told of a call that is not limited, nor while the limit is not enforced. The quota is read when the response is
/// there, so others may have taken of it since; of a key, the closure is asked once more. Where strangers share a
/// key, each of them reads what the others left.
///
/// ```
/// use std::convert::Infallible;
/// use buttress::{Quota, RateLimitLayer};
/// use http::{Request, Response};
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layer = RateLimitLayer::new(Quota::per_minute(100)).headers("per-client");
/// let server = layer.layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) }));
/// let response = server.oneshot(Request::new(())).await.unwrap();
/// assert_eq!(response.headers()["ratelimit-policy"], "\"per-client\";q=100;w=60");
/// assert_eq!(response.headers()["ratelimit"], "\"per-client\";r=99;t=60");
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct RateLimitHeadersLayer<L, P = RateLimiter> {
    limit: L,
    source: P,
    policy: Arc<str>,
}

impl<M, C, R> RateLimitLayer<M, C, R> {
    /// Tells clients how much is left, in the fields `RateLimit` and `RateLimit-Policy` (feature `http`), under this name.
    /// What it costs is paid only with it.
    ///
    /// # Panics
    ///
    /// If the name is empty or not printable ASCII. [`try_headers`](Self::try_headers) returns an error instead.
    #[track_caller]
    pub fn headers(self, policy: &str) -> RateLimitHeadersLayer<Self> {
        valid(self.try_headers(policy))
    }

    /// Tells clients how much is left, as [`headers`](Self::headers).
    ///
    /// # Errors
    ///
    /// If the name is empty or not printable ASCII.
    pub fn try_headers(self, policy: &str) -> Result<RateLimitHeadersLayer<Self>, InvalidConfig> {
        Ok(RateLimitHeadersLayer { source: self.limiter(), policy: check(policy)?, limit: self })
    }
}

impl<K: Clone, C, R> KeyedRateLimitLayer<K, C, R> {
    /// Tells clients how much is left, in the fields `RateLimit` and `RateLimit-Policy` (feature `http`), under this name.
    /// What it costs is paid only with it.
    ///
    /// # Panics
    ///
    /// If the name is empty or not printable ASCII. [`try_headers`](Self::try_headers) returns an error instead.
    #[track_caller]
    pub fn headers(self, policy: &str) -> RateLimitHeadersLayer<Self, PerKey<K>> {
        valid(self.try_headers(policy))
    }

    /// Tells clients how much is left, as [`headers`](Self::headers).
    ///
    /// # Errors
    ///
    /// If the name is empty or not printable ASCII.
    pub fn try_headers(self, policy: &str) -> Result<RateLimitHeadersLayer<Self, PerKey<K>>, InvalidConfig> {
        let source = PerKey { limiter: self.limiter(), key: self.key().clone() };
        Ok(RateLimitHeadersLayer { source, policy: check(policy)?, limit: self })
    }
}

fn check(policy: &str) -> Result<Arc<str>, InvalidConfig> {
    let name = fields::name(policy).map(Arc::from);
    name.ok_or_else(|| InvalidConfig::new("policy", policy, "a name of printable ASCII characters"))
}

impl<L, P> RateLimitHeadersLayer<L, P> {
    /// The rate limit.
    pub fn get_ref(&self) -> &L {
        &self.limit
    }
}

#[cfg(feature = "stack")]
impl<L: Part, P> Part for RateLimitHeadersLayer<L, P> {
    fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
        self.limit.describe(tell);
    }
}

impl<S, L: Layer<S>, P: Clone> Layer<S> for RateLimitHeadersLayer<L, P> {
    type Service = RateLimitHeadersService<L::Service, P>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitHeadersService::new(self.limit.layer(inner), self.source.clone(), Arc::clone(&self.policy))
    }
}
