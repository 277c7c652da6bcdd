//! Everything that names a crate beyond tower and tokio.

#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "metrics")]
pub mod facade;
#[cfg(feature = "http")]
#[cfg_attr(
    not(feature = "grpc"),
    allow(dead_code, unreachable_pub, reason = "what names no type of tonic's is there with `http` already")
)]
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "serde")]
pub(crate) mod serde;
#[cfg(feature = "tower")]
mod tower;
