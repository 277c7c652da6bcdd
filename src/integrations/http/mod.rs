//! HTTP: what answers mean, how a rejection is answered, and what may be sent again.

mod answer;
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
mod client;
#[cfg(feature = "rate-limit")]
mod quota_headers;
pub(crate) mod reject;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay;
pub(crate) mod retry_after;

pub use answer::Degraded;
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
pub use client::{Client, ClientKey, PeerAddr};
#[cfg(feature = "rate-limit")]
pub use quota_headers::{RateLimitHeadersFuture, RateLimitHeadersLayer, RateLimitHeadersService};
