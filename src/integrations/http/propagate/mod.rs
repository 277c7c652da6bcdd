//! What callers tell the services they call: how much time is left, and how often they tried.

#[cfg(any(feature = "timeout", feature = "bulkhead"))]
mod future;
mod headers;
#[cfg(feature = "timeout")]
mod inherit;
mod layer;
#[cfg(feature = "bulkhead")]
mod repeats;

#[cfg(any(feature = "timeout", feature = "bulkhead"))]
pub use future::RefusableFuture;
pub use headers::{DeadlineHeader, RequestHead};
#[cfg(feature = "timeout")]
pub use inherit::{InheritDeadlineLayer, InheritDeadlineService};
pub use layer::{PropagateLayer, PropagateService};
#[cfg(feature = "bulkhead")]
pub use repeats::{RefuseRepeatsLayer, RefuseRepeatsService};
