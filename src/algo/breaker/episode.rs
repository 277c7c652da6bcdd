use std::time::Duration;

use crate::units::Instant;

/// From the moment a breaker leaves closed to the moment it is closed again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Episode {
    opened: u32,
    since: Instant,
    rejected_before: u64,
}

/// What an episode came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EpisodeTotals {
    pub(crate) opened: u32,
    pub(crate) lasted: Duration,
    pub(crate) rejected: u64,
}

impl Episode {
    pub(super) fn begin(now: Instant, rejected: u64) -> Self {
        Self { opened: 0, since: now, rejected_before: rejected }
    }

    pub(super) fn open(&mut self) {
        self.opened = self.opened.saturating_add(1);
    }

    pub(super) fn totals(&self, now: Instant, rejected: u64) -> EpisodeTotals {
        EpisodeTotals {
            opened: self.opened,
            lasted: now.saturating_since(self.since),
            rejected: rejected.saturating_sub(self.rejected_before),
        }
    }
}
