//! The algorithms, and of the rest of the library what they need.
#![allow(dead_code, unused_imports, unused_macros, unreachable_pub, reason = "the rest would use it")]

mod algo;
#[cfg(test)]
mod cases;
mod error;
mod held;
mod mode;
mod rng;
mod spread;
mod stripe;
mod sync;
mod units;

mod reject {
    /// In the place of the library's own, which an error type mentions.
    #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
    #[error("rejected")]
    pub struct Rejected;
}
