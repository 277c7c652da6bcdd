//! HTTP: what answers mean, how a rejection is answered, and what may be sent again.

mod answer;
mod reject;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay_body;
pub(crate) mod retry_after;

pub use answer::Degraded;
#[cfg(any(feature = "retry", feature = "fallback"))]
pub use replay_body::{ReplayBody, ReplayBodyLayer, ReplayBodyService};
