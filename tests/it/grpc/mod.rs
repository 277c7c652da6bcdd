//! Over gRPC: tonic's own server and channel, on a port that the system chose.

mod client;
mod fault;
mod server;
pub mod support;
