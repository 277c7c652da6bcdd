//! Requests that a layer does not apply to.

mod future;
mod layer;
mod service;
mod which;

pub use future::ExemptFuture;
pub use layer::ExemptLayer;
pub use service::ExemptService;
pub use which::{ExemptPaths, ExemptWhen, Exempts};
