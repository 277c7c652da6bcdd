use axum::body::{Body, HttpBody as _};

use crate::replay::Replay;

/// What is inside may be a stream, which can be read only once; so there is a copy only of a body that is
/// known to be empty.
impl Replay for Body {
    fn replay(&self) -> Option<Self> {
        self.is_end_stream().then(Self::empty)
    }

    fn repeatable(&self) -> bool {
        true
    }
}
