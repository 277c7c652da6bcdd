//! Over HTTP: a real axum server on a port that the system chose, and real clients.

mod client;
mod per_client;
mod server;
pub mod support;
