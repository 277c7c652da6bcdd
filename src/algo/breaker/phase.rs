use std::time::Duration;

use super::state::{CircuitControl, CircuitState};
use crate::units::Instant;

/// Where the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen,
    Isolated { until: Instant },
    Bypassed { until: Instant },
}

impl Phase {
    pub(super) fn state(self) -> CircuitState {
        match self {
            Self::Closed | Self::Bypassed { .. } => CircuitState::Closed,
            Self::Open { .. } | Self::Isolated { .. } => CircuitState::Open,
            Self::HalfOpen => CircuitState::HalfOpen,
        }
    }

    pub(super) fn control(self) -> CircuitControl {
        match self {
            Self::Isolated { .. } => CircuitControl::Isolated,
            Self::Bypassed { .. } => CircuitControl::Bypassed,
            Self::Closed | Self::Open { .. } | Self::HalfOpen => CircuitControl::Automatic,
        }
    }

    /// When it ends by itself, at the next admission.
    pub(super) fn until(self) -> Instant {
        match self {
            Self::Open { until } | Self::Isolated { until } | Self::Bypassed { until } => until,
            Self::Closed | Self::HalfOpen => Instant::NEVER,
        }
    }
}

/// What comes in from outside with each step.
pub(super) struct Inputs<'a> {
    pub(super) now: Instant,
    /// Calls that were refused since the beginning, for the totals of an episode.
    pub(super) refused: u64,
    /// Draws a number from `[0, 1)`.
    pub(super) random: &'a dyn Fn() -> f64,
}

/// As what a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Through a closed breaker.
    Call,
    /// As the trial call in this slot.
    Trial(u32),
    /// By hand, or because of a dry run. Its result decides nothing.
    Passed,
}

/// Why a call is refused now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// When it makes sense to ask again; never, if only a change by hand helps.
    pub(crate) until: Instant,
    /// What the caller is told.
    pub(crate) retry_after: Option<Duration>,
}

/// The result of a call that counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    /// Why it failed, if it did.
    pub(super) failure: Option<&'static str>,
    pub(super) slow: bool,
}
