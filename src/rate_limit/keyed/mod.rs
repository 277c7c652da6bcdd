//! A limit for each key: a bounded table behind one handle.

mod engine;
mod layer;
mod service;

pub use engine::KeyedRateLimiter;
pub use layer::KeyedRateLimitLayer;
pub use service::KeyedRateLimitService;
