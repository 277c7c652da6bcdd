//! Metrics.

mod buckets;
mod descriptor;
mod engines;
mod out;
mod table;
mod text;
mod walk;

#[cfg(feature = "bulkhead")]
mod bulkhead;
#[cfg(feature = "circuit-breaker")]
mod circuit_breaker;
#[cfg(feature = "fallback")]
mod fallback;
#[cfg(feature = "rate-limit")]
mod rate_limit;
#[cfg(feature = "retry")]
mod retry;
#[cfg(feature = "timeout")]
mod timeout;

pub use buckets::{EDGES, buckets};
pub use descriptor::{Descriptor, Kind, Unit};
pub use out::Value;
pub use text::{TextFormat, text};
pub use walk::{Sample, descriptors, visit};

#[cfg(feature = "metrics")]
pub use crate::integrations::facade;
#[cfg(feature = "opentelemetry")]
pub use crate::integrations::opentelemetry;
#[cfg(feature = "prometheus")]
pub use crate::integrations::prometheus;

#[cfg(any(feature = "prometheus", feature = "opentelemetry"))]
pub(crate) use walk::visit_one;
