//! Request bodies that can be sent again although they are streams.

mod body;
mod layer;
mod recording;
#[cfg(test)]
mod tests;

pub use body::ReplayBody;
pub use layer::{ReplayBodyLayer, ReplayBodyService};
