use std::time::Duration;

use super::{TOKEN, Terms};
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::units::Instant;

/// A budget that threads share.
///
/// `tokens` alone decides: whether there is a token and taking it are one atomic step, so no token is
/// given twice. Before that step a withdrawal claims the time since the last one, by moving `refilled`
/// to its own `now`; whoever moved it is the only one to add that time's share, in the very step that
/// withdraws. A thread in between may find the share claimed and not yet added, and be refused: it is
/// early, never generous.
///
/// All accesses are relaxed: no other memory is published through these words, the total order of
/// changes to each one is all that is needed, and a share travels from one word to the other inside
/// one thread.
#[derive(Debug)]
pub(crate) struct SharedBudget {
    tokens: AtomicU64,
    refilled: AtomicU64,
    // The terms. Read by every call and written by hardly any; a reader that sees half of a change
    // reckons one step with old and new terms.
    deposit: AtomicU64,
    per_second: AtomicU64,
    capacity: AtomicU64,
}

impl SharedBudget {
    /// Full. Needs no `now`: time adds nothing to a full budget, and the first withdrawal claims all
    /// the time before it.
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            tokens: AtomicU64::new(terms.capacity),
            refilled: AtomicU64::new(0),
            deposit: AtomicU64::new(terms.deposit),
            per_second: AtomicU64::new(terms.per_second),
            capacity: AtomicU64::new(terms.capacity),
        }
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            deposit: self.deposit.load(Relaxed),
            per_second: self.per_second.load(Relaxed),
            capacity: self.capacity.load(Relaxed),
        }
    }

    /// Changes the terms. Time up to now has earned by the old ones; tokens are kept, up to the new
    /// capacity.
    pub(crate) fn set_terms_at(&self, terms: Terms, now: Instant) {
        let before = self.terms();
        let share = before.time_share(self.claim(now));
        let earned = |tokens| Some(terms.add(before.add(tokens, share), 0));
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, earned);
        self.deposit.store(terms.deposit, Relaxed);
        self.per_second.store(terms.per_second, Relaxed);
        self.capacity.store(terms.capacity, Relaxed);
    }

    /// The share of one call.
    #[inline]
    pub(crate) fn deposit(&self) {
        // A full budget is only read. That is the rule in calm, and spares the threads a word that all
        // of them write.
        if self.tokens.load(Relaxed) < self.capacity.load(Relaxed) {
            self.earn(self.deposit.load(Relaxed));
        }
    }

    /// A token that was withdrawn and not used.
    pub(crate) fn give_back(&self) {
        self.earn(TOKEN);
    }

    fn earn(&self, income: u64) {
        let terms = self.terms();
        let room = |tokens| (tokens < terms.capacity).then(|| terms.add(tokens, income));
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, room);
    }

    /// Takes a token, if there is one.
    pub(crate) fn try_withdraw_at(&self, now: Instant) -> bool {
        let terms = self.terms();
        let share = terms.time_share(self.claim(now));
        let mut granted = false;
        let _ = self.tokens.fetch_update(Relaxed, Relaxed, |tokens| {
            let earned = terms.add(tokens, share);
            let rest = terms.withdraw(earned);
            granted = rest.is_some();
            // Refused or not, the share that was claimed has to arrive.
            rest.or((earned != tokens).then_some(earned))
        });
        granted
    }

    /// What could be withdrawn, in billionths of a token. Changes nothing.
    pub(crate) fn available_at(&self, now: Instant) -> u64 {
        let terms = self.terms();
        let since = now.saturating_since(Instant::from_nanos(self.refilled.load(Relaxed)));
        terms.add(self.tokens.load(Relaxed), terms.time_share(since))
    }

    /// The time since the last claim. Each nanosecond is handed out once.
    fn claim(&self, now: Instant) -> Duration {
        let before = self.refilled.fetch_max(now.as_nanos(), Relaxed);
        now.saturating_since(Instant::from_nanos(before))
    }
}
