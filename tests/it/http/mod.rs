//! Over HTTP: a real axum server on a port that the system chose, and real clients.

mod client;
mod peek_trailers;
mod per_client;
#[cfg(feature = "test-util")]
mod propagate;
mod replay_body;
mod server;
pub mod support;
#[cfg(feature = "test-util")]
mod tiers;
#[cfg(feature = "test-util")]
mod until_body_end;
