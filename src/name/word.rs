//! A name that may change while calls are refused under it.

use super::{Name, NameId};
use crate::sync::AtomicU64;
use crate::sync::Ordering::{Acquire, Release};

/// The number of a name. Stored with release and read with acquire, so that who has the number finds the name.
#[derive(Debug)]
pub(crate) struct NameWord(AtomicU64);

impl NameWord {
    pub(crate) fn new(name: Name) -> Self {
        Self(AtomicU64::new(NameId::from(name).to_bits()))
    }

    pub(crate) fn set(&self, name: Name) {
        self.0.store(NameId::from(name).to_bits(), Release);
    }

    /// Takes no lock.
    pub(crate) fn get(&self) -> NameId {
        NameId::from_bits(self.0.load(Acquire))
    }
}
