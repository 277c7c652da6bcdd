//! What is to be seen of all keys.

use std::time::Duration;

use super::compartment::Compartment;
use super::engine::KeyedBulkhead;
use super::snapshot::{KeyedBulkheadSnapshot, KeyedCompartmentSnapshot};
use crate::algo::keyed::Worst;
use crate::bulkhead::counts::Counts;
use crate::sync::{Arc, Ordering::Relaxed};

impl KeyedBulkhead {
    /// The keys that have least room, at most so many: those first for which most calls wait, then by calls in flight
    /// and rejected. Looks at all keys.
    #[must_use]
    pub fn worst(&self, most: usize) -> Vec<KeyedCompartmentSnapshot> {
        let mut worst = Worst::new(most);
        let mut look = |compartment: &Arc<Compartment>| {
            let counts = compartment.bulkhead.counts();
            let rejected = counts.rejected();
            if counts.admitted > 0 || rejected > 0 {
                worst.look((counts.waiting, counts.in_flight, rejected), compartment);
            }
        };
        self.0.table.look(&mut look, |_| ());
        look(&self.0.strangers);
        let snapshot = |of: Arc<Compartment>| KeyedCompartmentSnapshot {
            key: of.key.as_ref().into(),
            bulkhead: of.bulkhead.snapshot(),
        };
        worst.into_iter().map(snapshot).collect()
    }

    /// The counters of all keys together. Looks at one key after the other; a new key may wait for that.
    #[must_use]
    pub fn snapshot(&self) -> KeyedBulkheadSnapshot {
        let shared = &*self.0;
        let not_ready = shared.not_ready.load(Relaxed);
        let (mut keys, mut full_keys) = (0_usize, 0_usize);
        let (mut here, mut gone) = (Counts::default(), Counts::default());
        let look = |of: &Arc<Compartment>| {
            keys = keys.saturating_add(1);
            full_keys = full_keys.saturating_add(of.bulkhead.0.permits.is_full().into());
            here = here.plus(of.bulkhead.counts());
        };
        shared.table.look(look, |counts| gone = gone.plus(*counts));
        let [strangers, unlimited] = [&shared.strangers, &shared.unlimited].map(|of| of.bulkhead.counts());
        let counts = here.plus(gone).plus(strangers).plus(unlimited);
        let rejected = counts.rejected().saturating_add(not_ready);
        let limits = shared.limits();
        KeyedBulkheadSnapshot {
            name: self.name(),
            limit: limits.limit as usize,
            queue_len: limits.queue_len as usize,
            max_wait: Duration::from_nanos(limits.max_wait),
            mode: shared.panel.mode(),
            keys,
            max_keys: self.max_keys(),
            full_keys,
            in_flight: counts.in_flight,
            waiting: counts.waiting,
            calls: counts.admitted.saturating_add(rejected),
            admitted: counts.admitted,
            rejected,
            full: counts.full,
            queue_full: counts.queue_full,
            queue_timeout: counts.queue_timeout,
            not_ready,
            completed: counts.completed(),
            cancelled: counts.cancelled,
            panicked: counts.panicked,
            abandoned: counts.abandoned,
            would_reject: counts.would_reject,
            unlimited: unlimited.admitted,
            overflowed: strangers.admitted.saturating_add(strangers.rejected()),
            queue_wait: shared.queue_wait.snapshot(),
        }
    }
}
