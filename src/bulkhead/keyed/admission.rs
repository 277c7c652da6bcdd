//! How a call gets in.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};

use super::compartment::{Compartment, KeyedCompartment};
use super::engine::{KeyedBulkhead, compartment};
use crate::algo::keyed::Overflow;
use crate::bulkhead::admission::Admission;
use crate::bulkhead::permit::BulkheadPermit;
use crate::clock;
use crate::registry::presentable_debug;
use crate::reject::{Rejected, RejectedKind, Source};
use crate::sync::{Arc, Ordering::Relaxed};

impl KeyedBulkhead {
    /// Admits a call with this key, or rejects it at once. It never waits, and never passes a call that does.
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`](RejectedKind::BulkheadFull), if there is no room for this key or somebody waits for it; or if
    /// the key found no place, by that setting.
    pub fn try_admit<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<BulkheadPermit, Rejected> {
        match self.admit_known(key) {
            Some(permit) => Ok(permit),
            None => self.try_admit_rarely(key),
        }
    }

    #[cold]
    fn try_admit_rarely<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<BulkheadPermit, Rejected> {
        match self.find_or_make(key).or_else(|| self.overflow_compartment()) {
            Some(compartment) => compartment.bulkhead.try_admit(),
            None => self.refuse_stranger(),
        }
    }

    /// Admits a call with this key as soon as there is room, in order of arrival; without a
    /// [queue](Self::set_queue) or if that is full, rejects it at once. The place in the queue is taken at the first
    /// poll.
    ///
    /// # Errors
    ///
    /// As [`Bulkhead::acquire`](crate::Bulkhead::acquire); or if the key found no place, by that setting.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the queue. Nothing is lost.
    ///
    /// # Panics
    ///
    /// If it has to wait, outside a tokio runtime with time enabled; that is tokio's own panic.
    pub async fn acquire<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<BulkheadPermit, Rejected> {
        match self.admit_or_queue(key) {
            Admission::Admitted(permit) => Ok(permit),
            Admission::Waits(waiting) => waiting.await,
            Admission::Rejected(rejected) => Err(rejected),
        }
    }

    /// The common case: a known key with room.
    #[inline]
    fn admit_known<K: Hash + ?Sized>(&self, key: &K) -> Option<BulkheadPermit> {
        let hash = self.0.hasher.hash_one(key);
        self.0.table.with(hash, |compartment| compartment.bulkhead.admit_now()).flatten()
    }

    pub(super) fn admit_or_queue<K: Hash + Debug + ?Sized>(&self, key: &K) -> Admission {
        match self.admit_known(key) {
            Some(permit) => Admission::Admitted(permit),
            None => match self.find_or_make(key).or_else(|| self.overflow_compartment()) {
                Some(compartment) => compartment.bulkhead.admit_or_queue(),
                None => self.refuse_stranger().into(),
            },
        }
    }

    /// A call without a key.
    pub(super) fn admit_unlimited(&self) -> BulkheadPermit {
        self.0.unlimited.bulkhead.pass()
    }

    fn find_or_make<K: Hash + Debug + ?Sized>(&self, key: &K) -> Option<Arc<Compartment>> {
        let shared = &*self.0;
        let hash = shared.hasher.hash_one(key);
        shared.table.with(hash, Arc::clone).or_else(|| {
            let make = |text| compartment(&shared.panel, &shared.queue_wait, shared.limits(), text);
            let max_keys = shared.places.max_keys();
            shared.table.find_or_make(hash, clock::now(), max_keys, || presentable_debug(key), make)
        })
    }

    /// Where a key belongs that found no place, unless it is to have none.
    #[cold]
    fn overflow_compartment(&self) -> Option<Arc<Compartment>> {
        (self.0.places.overflow() == Overflow::Share).then(|| Arc::clone(&self.0.strangers))
    }

    /// A call whose key is to have no place.
    #[cold]
    fn refuse_stranger(&self) -> Result<BulkheadPermit, Rejected> {
        self.0.strangers.bulkhead.pass_or_reject(RejectedKind::BulkheadFull, self.0.panel.mode())
    }

    #[cold]
    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.not_ready.fetch_add(1, Relaxed);
        Rejected::unsent(RejectedKind::NotReady, Source::Bulkhead, self.0.panel.name_id(), None)
    }

    /// The bulkhead of this key, if the table has it. Looking makes none.
    pub fn get<K: Hash + ?Sized>(&self, key: &K) -> Option<KeyedCompartment> {
        self.0.table.with(self.0.hasher.hash_one(key), Arc::clone).map(KeyedCompartment)
    }
}
