//! `RateLimit` and `RateLimit-Policy` on responses.

mod fields;
mod future;
mod layer;
mod service;
mod source;

pub use future::RateLimitHeadersFuture;
pub use layer::RateLimitHeadersLayer;
pub use service::RateLimitHeadersService;
