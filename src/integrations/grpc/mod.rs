//! gRPC: what calls come to, how a rejection is answered, and time limits on the wire.

#[cfg(feature = "grpc")]
mod classify;
#[cfg(feature = "grpc")]
pub(crate) mod error;
#[cfg(feature = "grpc")]
mod reject;
#[cfg(all(feature = "grpc", any(feature = "retry", feature = "fallback")))]
mod replay;
#[cfg_attr(not(test), allow(dead_code, reason = "for layers that read and write deadlines"))]
pub(crate) mod timeout;
pub(crate) mod verdict;

#[cfg(feature = "grpc")]
pub use classify::Grpc;
#[cfg(feature = "grpc")]
pub use reject::{AsGrpc, AsStatus};
