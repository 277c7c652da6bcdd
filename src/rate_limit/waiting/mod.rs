//! Waiting for cells: in the order of arrival, each until its scheduled instant.

mod future;
mod service;
mod ticket;
mod wait;

pub use future::WaitingRateLimitFuture;
pub use service::WaitingRateLimitService;
pub(super) use wait::Admission;
