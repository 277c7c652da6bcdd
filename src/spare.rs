//! A spare clone of the inner service, for second attempts and for calls that wait.

use crate::sync::{Arc, Mutex, lock};

/// The first attempt goes to the service that the caller readied. Another one needs a service of its
/// own, and making one per call in advance would cost every call a clone. So one clone is made when
/// the layer is applied, and only who needs it takes the lock and clones it again.
///
/// The lock asks nothing of `S` (not `Sync`); cloning `S` is the one piece of user code that runs
/// under it, and if that panics the spare is as it was.
#[derive(Debug)]
pub(crate) struct Spare<S>(Arc<Mutex<S>>);

impl<S> Spare<S> {
    pub(crate) fn new(service: S) -> Self {
        Self(Arc::new(Mutex::new(service)))
    }
}

impl<S: Clone> Spare<S> {
    pub(crate) fn of(service: &S) -> Self {
        Self::new(service.clone())
    }

    /// A fresh service, not ready.
    pub(crate) fn take(&self) -> S {
        lock(&self.0).clone()
    }
}

impl<S> Clone for Spare<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
