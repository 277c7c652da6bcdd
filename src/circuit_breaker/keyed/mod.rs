//! A circuit breaker for each key: a bounded table behind one handle.

mod admission;
mod circuit;
mod engine;
mod layer;
mod look;
mod permit;
mod service;
mod snapshot;

pub use circuit::KeyedCircuit;
pub use engine::KeyedCircuitBreaker;
pub use layer::KeyedCircuitBreakerLayer;
pub use permit::KeyedCircuitPermit;
pub use service::KeyedCircuitBreakerService;
pub use snapshot::{KeyedCircuitBreakerSnapshot, KeyedCircuitSnapshot};
