//! Everything that names a crate beyond tower and tokio.

#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "http")]
pub(crate) mod http;
#[cfg(feature = "serde")]
pub(crate) mod serde;
