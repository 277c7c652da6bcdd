//! HTTP: what answers mean, how a rejection is answered, and what may be sent again.
//!
//! Responses are judged by their status, a rejection becomes a response with `Retry-After`, and a request is repeated if
//! its method is idempotent or it has an `Idempotency-Key`: without a line of configuration. The layers here
//! are for what types alone do not tell:
//!
//! | for | layer | where |
//! |---|---|---|
//! | request bodies that are streams, with retry | [`ReplayBodyLayer`] | client, around the retry |
//! | a gRPC status in trailers, with retry | [`PeekTrailersLayer`] | client, right inside of the retry |
//! | downloads, events, streaming gRPC | [`until_body_end`](UntilBodyEnd) of a circuit breaker or a bulkhead | in place of the layer |
//! | the time left and the attempts before, told to who is called | [`PropagateLayer`] | client, innermost |
//! | the time left, as the caller told | [`InheritDeadlineLayer`] | server, outermost |
//! | repeats that come in under load | [`RefuseRepeatsLayer`] | server, around its stack |
//! | rejections as `application/problem+json`, for who asks | [`ProblemJsonLayer`] | server, around all that reject |

mod answer;
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
mod client;
mod peek_trailers;
mod problem_json;
mod propagate;
#[cfg(feature = "rate-limit")]
mod quota_headers;
pub(crate) mod reject;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay_body;
pub(crate) mod retry_after;
pub(crate) mod transport;
#[cfg(any(feature = "circuit-breaker", feature = "bulkhead"))]
mod until_body_end;

pub use answer::Degraded;
#[cfg(any(feature = "rate-limit", feature = "circuit-breaker", feature = "bulkhead"))]
pub use client::{Client, ClientKey, PeerAddr};
pub use peek_trailers::{PeekTrailersFuture, PeekTrailersLayer, PeekTrailersService, PeekedBody};
pub use problem_json::{ProblemJsonFuture, ProblemJsonLayer, ProblemJsonService};
#[cfg(any(feature = "timeout", feature = "bulkhead"))]
pub use propagate::RefusableFuture;
pub use propagate::{DeadlineHeader, PropagateLayer, PropagateService, RequestHead};
#[cfg(feature = "timeout")]
pub use propagate::{InheritDeadlineLayer, InheritDeadlineService};
#[cfg(feature = "bulkhead")]
pub use propagate::{RefuseRepeatsLayer, RefuseRepeatsService};
#[cfg(feature = "rate-limit")]
pub use quota_headers::{RateLimitHeadersFuture, RateLimitHeadersLayer, RateLimitHeadersService};
#[cfg(any(feature = "retry", feature = "fallback"))]
pub use replay_body::{ReplayBody, ReplayBodyLayer, ReplayBodyService};
#[cfg(feature = "circuit-breaker")]
pub use until_body_end::{CircuitHold, ClassifyTrailers, GrpcTrailers};
#[cfg(any(feature = "circuit-breaker", feature = "bulkhead"))]
pub use until_body_end::{Heads, HeldBody, Hold, UntilBodyEnd, UntilBodyEndFuture, UntilBodyEndService};
