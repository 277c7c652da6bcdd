//! Limits how many calls pass per time.

mod cost;
mod counts;
mod engine;
mod future;
mod keyed;
mod layer;
mod quota;
mod service;
mod snapshot;
#[cfg(test)]
mod tests;
mod waiting;

pub use cost::{Cost, CostFn, OneCell};
pub use engine::RateLimiter;
pub use future::RateLimitFuture;
pub use keyed::{KeyFn, KeyOf, KeyedRateLimitLayer, KeyedRateLimitService, KeyedRateLimiter};
pub use layer::{RateLimitLayer, RejectNow, Waiting};
pub use quota::Quota;
pub use service::RateLimitService;
pub use snapshot::{KeyedRateLimitSnapshot, RateLimitPeek, RateLimitSnapshot};
pub use waiting::{WaitingRateLimitFuture, WaitingRateLimitService};

pub use crate::algo::gcra::Overflow;
