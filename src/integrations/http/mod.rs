//! HTTP: what answers mean, how a rejection is answered, and what may be sent again.

mod answer;
pub(crate) mod reject;
#[cfg(any(feature = "retry", feature = "fallback"))]
mod replay;
pub(crate) mod retry_after;

pub use answer::Degraded;
