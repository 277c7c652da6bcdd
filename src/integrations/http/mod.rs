//! HTTP: what answers mean, how a rejection is answered, and what may be sent again.

mod answer;
mod peek_trailers;
mod propagate;
mod reject;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay_body;
pub(crate) mod retry_after;
#[cfg(any(feature = "circuit-breaker", feature = "bulkhead"))]
mod until_body_end;

pub use answer::Degraded;
pub use peek_trailers::{PeekTrailersFuture, PeekTrailersLayer, PeekTrailersService, PeekedBody};
#[cfg(any(feature = "timeout", feature = "bulkhead"))]
pub use propagate::RefusableFuture;
pub use propagate::{DeadlineHeader, PropagateLayer, PropagateService, RequestHead};
#[cfg(feature = "timeout")]
pub use propagate::{InheritDeadlineLayer, InheritDeadlineService};
#[cfg(feature = "bulkhead")]
pub use propagate::{RefuseRepeatsLayer, RefuseRepeatsService};
#[cfg(any(feature = "retry", feature = "fallback"))]
pub use replay_body::{ReplayBody, ReplayBodyLayer, ReplayBodyService};
#[cfg(feature = "circuit-breaker")]
pub use until_body_end::{CircuitHold, ClassifyTrailers, GrpcTrailers};
#[cfg(any(feature = "circuit-breaker", feature = "bulkhead"))]
pub use until_body_end::{Heads, HeldBody, Hold, UntilBodyEnd, UntilBodyEndFuture, UntilBodyEndService};
