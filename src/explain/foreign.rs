use tower::Layer;

use super::info::PartInfo;
use super::part::Part;
use crate::name::Name;

/// A layer of another crate as a part of a stack.
///
/// What it does is not known, so the [worst case](super::WorstCase) is that of a stack without it: it
/// should neither hold calls up nor send them more than once.
///
/// ```
/// use buttress::{client_stack, explain::Foreign};
/// use tower::limit::ConcurrencyLimitLayer;
///
/// let limit = Foreign::new("tower's limit", ConcurrencyLimitLayer::new(64));
/// let stack = client_stack("payments").bulkhead(limit);
/// assert_eq!(stack.explain().layers()[3].name.as_str(), "tower's limit");
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct Foreign<L> {
    name: Name,
    layer: L,
}

impl<L> Foreign<L> {
    /// This layer, under this name.
    pub fn new(name: impl Into<Name>, layer: L) -> Self {
        Self { name: name.into(), layer }
    }

    /// The layer.
    pub fn get_ref(&self) -> &L {
        &self.layer
    }

    /// The layer, without the name.
    pub fn into_inner(self) -> L {
        self.layer
    }
}

impl<L> Part for Foreign<L> {
    fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
        tell(PartInfo::foreign(self.name));
    }
}

impl<S, L: Layer<S>> Layer<S> for Foreign<L> {
    type Service = L::Service;

    fn layer(&self, inner: S) -> Self::Service {
        self.layer.layer(inner)
    }
}
