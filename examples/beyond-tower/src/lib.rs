//! Engines where there is no tower: under reqwest-middleware, object_store and the AWS SDK, and around the consumer of a queue.
//!
//! `docs/hosts/beyond-tower.md` is the guide to it. Each file stands for itself, to be copied.

pub mod aws;
pub mod middleware;
pub mod plain;
pub mod queue;
pub mod store;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/hosts/beyond-tower.md")]
struct Guide;
