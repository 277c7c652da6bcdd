use std::fmt;

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CircuitState {
    /// Calls are let through.
    Closed,
    /// Calls are rejected. With the open time over, the next call makes it half-open; until one comes, it
    /// stays open.
    Open,
    /// A few trial calls are let through.
    HalfOpen,
}

impl CircuitState {
    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl fmt::Display for CircuitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether somebody holds the breaker by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CircuitControl {
    /// Nobody does: what comes back decides.
    Automatic,
    /// It is held open.
    Isolated,
    /// Everything is let through, and nothing is recorded.
    Bypassed,
}

impl CircuitControl {
    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Isolated => "isolated",
            Self::Bypassed => "bypassed",
        }
    }
}

/// Why a breaker came to be in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CircuitReason {
    /// Opened: too large a share of the calls in the window failed.
    FailureRate,
    /// Opened: nothing but failures for long enough.
    Outage,
    /// Opened: too large a share of the calls in the window was slow.
    SlowCalls,
    /// Half-open: the open time was over when a call came.
    OpenTimeOver,
    /// Opened again: the trial calls can no longer succeed often enough.
    TrialsFailed,
    /// Closed: enough trial calls succeeded.
    TrialsSucceeded,
    /// Isolated by hand.
    Isolated,
    /// Bypassed by hand.
    Bypassed,
    /// Closed: left to itself again by hand.
    Automatic,
    /// Closed: left to itself again because the time to live was over.
    TimeToLiveOver,
    /// Closed: reset by hand.
    Reset,
}

impl CircuitReason {
    /// Whether something went wrong with the service, and not only still does.
    pub(super) const fn is_outbreak(self) -> bool {
        matches!(self, Self::FailureRate | Self::Outage | Self::SlowCalls)
    }

    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailureRate => "failure_rate",
            Self::Outage => "outage",
            Self::SlowCalls => "slow_calls",
            Self::OpenTimeOver => "open_time_over",
            Self::TrialsFailed => "trials_failed",
            Self::TrialsSucceeded => "trials_succeeded",
            Self::Isolated => "isolated",
            Self::Bypassed => "bypassed",
            Self::Automatic => "automatic",
            Self::TimeToLiveOver => "time_to_live_over",
            Self::Reset => "reset",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_logs_and_metrics_stay_as_they_are() {
        use CircuitReason::*;
        let states = [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen];
        assert_eq!(states.map(CircuitState::as_str), ["closed", "open", "half_open"]);
        assert_eq!(format!("{:>6}", CircuitState::Open), "  open");
        let controls = [CircuitControl::Automatic, CircuitControl::Isolated, CircuitControl::Bypassed];
        assert_eq!(controls.map(CircuitControl::as_str), ["automatic", "isolated", "bypassed"]);
        let outbreaks = [FailureRate, Outage, SlowCalls];
        assert_eq!(outbreaks.map(CircuitReason::as_str), ["failure_rate", "outage", "slow_calls"]);
        let trials = [OpenTimeOver, TrialsFailed, TrialsSucceeded];
        assert_eq!(
            trials.map(CircuitReason::as_str),
            ["open_time_over", "trials_failed", "trials_succeeded"]
        );
        let by_hand = [Isolated, Bypassed, Automatic, TimeToLiveOver, Reset];
        let words = ["isolated", "bypassed", "automatic", "time_to_live_over", "reset"];
        assert_eq!(by_hand.map(CircuitReason::as_str), words);
        assert!(outbreaks.into_iter().all(CircuitReason::is_outbreak));
        assert!(!trials.into_iter().chain(by_hand).any(CircuitReason::is_outbreak));
    }
}
