//! What a stack is.

mod explanation;
mod foreign;
mod info;
mod layers;
mod part;

pub use explanation::{ExplainedLayer, Explanation, explain};
pub use foreign::Foreign;
pub use info::PartInfo;
pub use part::Part;

pub(crate) use explanation::{adopt, explain_parts};
