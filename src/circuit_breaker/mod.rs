//! Stops calling a service that fails, and tries again after a while.

mod config;
mod engine;
mod event;
mod future;
mod layer;
mod listeners;
mod permit;
mod service;
mod snapshot;
mod wait;

pub use crate::algo::breaker::{Causes, CircuitControl, CircuitReason, CircuitState};
pub use config::{CircuitBreakerConfig, Outage, Window};
pub use engine::CircuitBreaker;
pub use event::CircuitEvent;
pub use future::CircuitBreakerFuture;
pub use layer::CircuitBreakerLayer;
pub use listeners::Subscription;
pub use permit::CircuitPermit;
pub use service::CircuitBreakerService;
pub use snapshot::CircuitBreakerSnapshot;
