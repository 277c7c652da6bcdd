//! The mode in which calls wait: its own service and future, because it asks the inner service to be
//! `Clone`.

mod future;
mod service;
mod waiting;

pub use future::QueuedBulkheadFuture;
pub use service::QueuedBulkheadService;
pub(super) use waiting::Waiting;
