use crate::algo::keyed::Kept;
use crate::bulkhead::counts::Counts;
use crate::bulkhead::engine::Bulkhead;
use crate::bulkhead::snapshot::BulkheadSnapshot;
use crate::sync::Arc;
use crate::units::Instant;

/// The bulkhead of one key.
#[derive(Debug)]
pub(super) struct Compartment {
    pub(super) bulkhead: Bulkhead,
    /// The key in words, for people only.
    pub(super) key: Box<str>,
}

impl Kept for Compartment {
    type Totals = Counts;

    /// Who waits, and who is about to be admitted, holds the bulkhead. What they did is acquired, and only then counted.
    fn is_idle(&mut self, _: Instant) -> bool {
        if Arc::get_mut(&mut self.bulkhead.0).is_none() {
            return false;
        }
        let counts = self.bulkhead.counts();
        counts.in_flight == 0 && counts.waiting == 0
    }

    fn retire(&self, into: &mut Counts) {
        *into = into.plus(self.bulkhead.counts());
    }
}

/// The bulkhead of one key. Made by [`KeyedBulkhead::get`](super::KeyedBulkhead::get). As long as there is one, the key
/// keeps its place.
///
/// ```
/// use buttress::KeyedBulkhead;
///
/// let bulkhead = KeyedBulkhead::new(2).named("reports");
/// let permit = bulkhead.try_admit("ada").unwrap();
/// let ada = bulkhead.get("ada").unwrap();
/// assert_eq!((ada.key(), ada.snapshot().in_flight), ("\"ada\"", 1));
/// # drop(permit);
/// ```
#[derive(Clone, Debug)]
pub struct KeyedCompartment(pub(super) Arc<Compartment>);

impl KeyedCompartment {
    /// The key, as its `Debug` shows it, on one line and at most 200 characters of it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// State and counts now, under the name of the whole; the waits are those of all keys together.
    #[must_use]
    pub fn snapshot(&self) -> BulkheadSnapshot {
        self.0.bulkhead.snapshot()
    }
}
