use std::time::Duration;

use super::causes::Causes;
use super::episode::EpisodeTotals;
use super::state::{CircuitControl, CircuitReason, CircuitState};
use crate::algo::window::Counts;

/// What a decision to open was based on: calls in the window, or trial calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) counts: Counts,
    pub(crate) causes: Causes,
    pub(crate) in_a_row: u64,
}

impl Evidence {
    pub(super) const NONE: Self =
        Self { counts: Counts { recorded: 0, failures: 0, slow: 0 }, causes: Causes::NONE, in_a_row: 0 };
}

/// That the state changed, and what there is to tell about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transition {
    pub(crate) from: CircuitState,
    pub(crate) to: CircuitState,
    pub(crate) control: CircuitControl,
    pub(crate) reason: CircuitReason,
    pub(crate) evidence: Evidence,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) episode: EpisodeTotals,
}

/// What a look from outside shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineView {
    pub(crate) state: CircuitState,
    pub(crate) control: CircuitControl,
    pub(crate) reason: Option<CircuitReason>,
    pub(crate) in_state_for: Duration,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) control_remaining: Option<Duration>,
    pub(crate) evidence: Evidence,
    pub(crate) trials_in_flight: u32,
    pub(crate) trials_succeeded: u32,
    pub(crate) trials_failed: u32,
    pub(crate) opened: u64,
    pub(crate) episodes: u64,
    pub(crate) restarted: u64,
}

/// Counts since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) admitted: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) throttled: u64,
    pub(crate) ignored: u64,
    pub(crate) cancelled: u64,
    pub(crate) given_up: u64,
    pub(crate) panicked: u64,
    pub(crate) late: u64,
    pub(crate) refused: u64,
    pub(crate) not_ready: u64,
    pub(crate) would_reject: u64,
}

impl Totals {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        macro_rules! sum {
            ($($field:ident)*) => { Self { $($field: self.$field.saturating_add(other.$field)),* } };
        }
        sum!(admitted succeeded failed throttled ignored cancelled given_up panicked late refused not_ready would_reject)
    }

    /// Calls that came back. Never more than did, also while others end.
    pub(crate) fn answered(&self) -> u64 {
        let ended = [self.succeeded, self.failed, self.throttled, self.ignored];
        ended.into_iter().fold(0, u64::saturating_add).saturating_sub(self.given_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answered_is_what_came_back() {
        let totals = Totals {
            admitted: 100,
            succeeded: 1,
            failed: 20,
            throttled: 3,
            ignored: 4,
            cancelled: 50,
            given_up: 6,
            panicked: 7,
            late: 8,
            refused: 9,
            not_ready: 10,
            would_reject: 11,
        };
        assert_eq!(totals.answered(), 1 + 20 + 3 + 4 - 6);
        let twice = totals.plus(totals);
        let all = |t: Totals| {
            let ended = [t.succeeded, t.failed, t.throttled, t.ignored, t.cancelled, t.given_up, t.panicked];
            (t.admitted, ended, [t.late, t.refused, t.not_ready, t.would_reject])
        };
        assert_eq!(all(twice), (200, [2, 40, 6, 8, 100, 12, 14], [16, 18, 20, 22]));
        assert_eq!(totals.plus(Totals::default()), totals);
        assert_eq!(Totals { failed: u64::MAX, ..totals }.answered(), u64::MAX - 6);
    }
}
