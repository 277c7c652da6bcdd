//! The mode that asks another service: its own service and future, because it asks the request for a
//! copy.

mod future;
mod service;

pub use future::FallbackToServiceFuture;
pub use service::FallbackToService;
