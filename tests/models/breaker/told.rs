//! What a breaker tells, in the words of both sides.

use std::collections::BTreeMap;

use buttress::circuit_breaker::{CircuitControl, CircuitReason};
use buttress::{CircuitBreakerSnapshot, CircuitEvent, CircuitState, Mode};

use super::millis;
use super::model::Ending;

/// What a decision to open was based on, or would be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    pub recorded: u64,
    pub failures: u64,
    pub slow: u64,
    pub in_a_row: u64,
    pub causes: Vec<(&'static str, u64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub from: CircuitState,
    pub to: CircuitState,
    pub control: CircuitControl,
    pub reason: CircuitReason,
    pub evidence: Evidence,
    pub retry_after: Option<u64>,
    pub opened: u32,
    pub not_closed_for: u64,
    pub rejected: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    pub admitted: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub throttled: u64,
    pub ignored: u64,
    pub cancelled: u64,
    pub panicked: u64,
    pub late: u64,
    pub refused: u64,
    pub would_reject: u64,
    /// Calls that came back, and how long they took together.
    pub answered: u64,
    pub took: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Show {
    pub state: CircuitState,
    pub control: CircuitControl,
    pub reason: Option<CircuitReason>,
    pub in_state_for: u64,
    pub retry_after: Option<u64>,
    pub control_remaining: Option<u64>,
    pub mode: Mode,
    pub evidence: Evidence,
    /// In flight, succeeded, failed.
    pub trials: [usize; 3],
    pub opened: u64,
    pub episodes: u64,
    pub restarted: u64,
    pub totals: Totals,
}

impl Totals {
    /// A call ended; it came back after so long, if it did.
    pub fn count(&mut self, ending: Ending, took: Option<u64>) {
        let (total, is_answer) = match ending {
            Ending::Success => (&mut self.succeeded, true),
            Ending::Failure(_) => (&mut self.failed, true),
            Ending::Throttled => (&mut self.throttled, true),
            Ending::Ignored => (&mut self.ignored, true),
            Ending::Dropped | Ending::Panicked => (&mut self.cancelled, false),
        };
        *total += 1;
        self.panicked += u64::from(ending == Ending::Panicked);
        if let (true, Some(took)) = (is_answer, took) {
            self.answered += 1;
            self.took += took;
        }
    }
}

/// Most frequent first.
pub fn ranked(causes: impl Iterator<Item = &'static str>) -> Vec<(&'static str, u64)> {
    let mut counts = BTreeMap::new();
    causes.for_each(|cause| *counts.entry(cause).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(cause, count)| (std::cmp::Reverse(*count), *cause));
    counts
}

impl From<&CircuitEvent> for Event {
    fn from(event: &CircuitEvent) -> Self {
        assert_eq!((event.merged, event.attempt), (0, 1));
        Self {
            from: event.from,
            to: event.to,
            control: event.control,
            reason: event.reason,
            evidence: Evidence {
                recorded: event.recorded,
                failures: event.failures,
                slow: event.slow_calls,
                in_a_row: event.failures_in_a_row,
                causes: event.causes.iter().collect(),
            },
            retry_after: event.retry_after.map(millis),
            opened: event.opened,
            not_closed_for: millis(event.not_closed_for),
            rejected: event.rejected,
        }
    }
}

impl From<&CircuitBreakerSnapshot> for Show {
    fn from(now: &CircuitBreakerSnapshot) -> Self {
        let trials = [now.trials_in_flight, now.trials_succeeded, now.trials_failed];
        Self {
            state: now.state,
            control: now.control,
            reason: now.reason,
            in_state_for: millis(now.in_state_for),
            retry_after: now.retry_after.map(millis),
            control_remaining: now.control_remaining.map(millis),
            mode: now.mode,
            evidence: Evidence {
                recorded: now.recorded,
                failures: now.failures,
                slow: now.slow_calls,
                in_a_row: now.failures_in_a_row,
                causes: now.causes.iter().collect(),
            },
            trials: trials.map(|count| count as usize),
            opened: now.opened,
            episodes: now.episodes,
            restarted: now.trials_restarted,
            totals: Totals {
                admitted: now.admitted,
                succeeded: now.succeeded,
                failed: now.failed,
                throttled: now.throttled,
                ignored: now.ignored,
                cancelled: now.cancelled,
                panicked: now.panicked,
                late: now.late,
                refused: now.rejected,
                would_reject: now.would_reject,
                answered: now.call_duration.count(),
                took: millis(now.call_duration.sum()),
            },
        }
    }
}
