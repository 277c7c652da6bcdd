//! Calls that end with the body of their response.

mod body;
#[cfg(feature = "bulkhead")]
mod bulkhead;
#[cfg(feature = "circuit-breaker")]
mod circuit_breaker;
mod layer;
#[cfg(feature = "circuit-breaker")]
mod trailers;

pub use body::{HeldBody, Hold};
#[cfg(feature = "circuit-breaker")]
pub use circuit_breaker::CircuitHold;
pub use layer::{Heads, UntilBodyEnd, UntilBodyEndFuture, UntilBodyEndService};
#[cfg(feature = "circuit-breaker")]
pub use trailers::{ClassifyTrailers, GrpcTrailers};
