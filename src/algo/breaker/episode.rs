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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_happened_since_it_began() {
        let at = Instant::from_nanos;
        let mut episode = Episode::begin(at(100), 7);
        let none = EpisodeTotals { opened: 0, lasted: Duration::ZERO, rejected: 0 };
        assert_eq!(episode.totals(at(100), 7), none);
        episode.open();
        episode.open();
        let totals = EpisodeTotals { opened: 2, lasted: Duration::from_nanos(30), rejected: 4 };
        assert_eq!(episode.totals(at(130), 11), totals);
    }
}
