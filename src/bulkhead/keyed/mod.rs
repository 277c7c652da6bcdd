//! A bulkhead for each key: a bounded table behind one handle.

mod admission;
mod compartment;
mod engine;
mod layer;
mod look;
mod service;
mod snapshot;

pub use compartment::KeyedCompartment;
pub use engine::KeyedBulkhead;
pub use layer::KeyedBulkheadLayer;
pub use service::{KeyedBulkheadService, KeyedQueuedBulkheadService};
pub use snapshot::{KeyedBulkheadSnapshot, KeyedCompartmentSnapshot};
