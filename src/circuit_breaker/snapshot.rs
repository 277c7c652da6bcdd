use std::time::Duration;

use crate::algo::breaker::{Causes, CircuitControl, CircuitReason, CircuitState, MachineView, Totals};
use crate::algo::histogram::Histogram;
use crate::mode::Mode;
use crate::name::Name;
use crate::units::rate;

/// A circuit breaker at one moment: its state, what it is based on, and counts since it was made.
///
/// At any moment `calls = admitted + rejected`, and
/// `admitted = succeeded + failed + throttled + ignored + cancelled + in_flight`. A late result is counted by its
/// outcome like any other, and once more in `late`.
///
/// ```
/// use buttress::{CircuitBreaker, CircuitBreakerConfig, Verdict};
///
/// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
/// let in_flight = breaker.try_admit().unwrap();
/// breaker.try_admit().unwrap().settle(Verdict::failure("timeout"));
/// let snapshot = breaker.snapshot();
/// assert_eq!((snapshot.calls, snapshot.failed, snapshot.in_flight), (2, 1, 1));
/// assert_eq!((snapshot.failure_rate, snapshot.causes.to_string().as_str()), (1.0, "timeout 1"));
/// # drop(in_flight);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitBreakerSnapshot {
    /// The name of the breaker.
    pub name: Name,
    /// What it does with calls.
    pub state: CircuitState,
    /// Whether it is held by hand.
    pub control: CircuitControl,
    /// How it came to be in this state; `None` as long as it was never in another.
    pub reason: Option<CircuitReason>,
    /// For how long it has been in this state.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::seconds"))]
    pub in_state_for: Duration,
    /// How long to wait before it makes sense to call again; `None` if a call would be let through now, or
    /// nobody knows when.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::optional_seconds"))]
    pub retry_after: Option<Duration>,
    /// After which time isolation or bypass ends by itself; `None` if there is neither, or no end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::optional_seconds"))]
    pub control_remaining: Option<Duration>,
    /// Whether it rejects anything.
    pub mode: Mode,

    /// Calls that count for the rates: those in the window while it is closed, else those that the last opening
    /// was based on (the window at that moment, or the trial calls of a half-open that failed).
    pub recorded: u64,
    /// How many of them succeeded.
    pub successes: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were slow.
    pub slow_calls: u64,
    /// The share of `failures`, 0 if there are no calls.
    pub failure_rate: f64,
    /// The share from which on it opens, if enough calls are recorded.
    pub failure_rate_threshold: f64,
    /// The share of `slow_calls`, 0 if there are no calls.
    pub slow_call_rate: f64,
    /// Why they failed; in an outage, why those in a row did.
    pub causes: Causes,
    /// How many failures there were since the last success.
    pub failures_in_a_row: u64,
    /// Trial calls that have no result yet.
    pub trials_in_flight: u32,
    /// Trial calls of this half-open that succeeded.
    pub trials_succeeded: u32,
    /// Trial calls of this half-open that failed.
    pub trials_failed: u32,

    /// How often it opened, isolations included.
    pub opened: u64,
    /// How often it opened from closed. Not again because trial calls failed, as `opened` does.
    pub episodes: u64,
    /// How often a half-open started afresh because its trial calls hung.
    pub trials_restarted: u64,
    /// Calls that came in.
    pub calls: u64,
    /// Calls that were let through.
    pub admitted: u64,
    /// Calls that were not, `not_ready` included.
    pub rejected: u64,
    /// Calls that came without readiness.
    pub not_ready: u64,
    /// Calls that a dry run let through.
    pub would_reject: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed, with those that were cancelled too late.
    pub failed: u64,
    /// Calls that the service did not take because there were too many.
    pub throttled: u64,
    /// Calls whose result said nothing.
    pub ignored: u64,
    /// Calls that were dropped early, or ended in a panic.
    pub cancelled: u64,
    /// How many of those ended in a panic.
    pub panicked: u64,
    /// Results of calls that were let through in an earlier epoch. They changed nothing.
    pub late: u64,
    /// Calls that were let through and have not ended yet.
    pub in_flight: u64,
    /// How long the calls took that came back, whatever with: from the first time that the answer was pending
    /// (with the slow-call rule, or with a permit taken by hand: from the admission) to the answer. Those
    /// that were answered at once are not timed, and stand among the shortest. Cancelled calls are not in it.
    pub call_duration: Histogram,
    /// Calls that were answered by their first poll.
    pub at_once: u64,
}

impl CircuitBreakerSnapshot {
    pub(super) fn new(
        name: Name,
        mode: Mode,
        failure_rate_threshold: f64,
        view: MachineView,
        totals: Totals,
        call_duration: Histogram,
        at_once: u64,
    ) -> Self {
        let counts = view.evidence.counts;
        let rejected = totals.refused.saturating_add(totals.not_ready);
        let ended = [totals.succeeded, totals.failed, totals.throttled, totals.ignored, totals.cancelled];
        Self {
            name,
            state: view.state,
            control: view.control,
            reason: view.reason,
            in_state_for: view.in_state_for,
            retry_after: view.retry_after,
            control_remaining: view.control_remaining,
            mode,
            recorded: counts.recorded,
            successes: counts.recorded.saturating_sub(counts.failures),
            failures: counts.failures,
            slow_calls: counts.slow,
            failure_rate: rate(counts.failures, counts.recorded),
            failure_rate_threshold,
            slow_call_rate: rate(counts.slow, counts.recorded),
            causes: view.evidence.causes,
            failures_in_a_row: view.evidence.in_a_row,
            trials_in_flight: view.trials_in_flight,
            trials_succeeded: view.trials_succeeded,
            trials_failed: view.trials_failed,
            opened: view.opened,
            episodes: view.episodes,
            trials_restarted: view.restarted,
            calls: totals.admitted.saturating_add(rejected),
            admitted: totals.admitted,
            rejected,
            not_ready: totals.not_ready,
            would_reject: totals.would_reject,
            succeeded: totals.succeeded,
            failed: totals.failed,
            throttled: totals.throttled,
            ignored: totals.ignored,
            cancelled: totals.cancelled,
            panicked: totals.panicked,
            late: totals.late,
            in_flight: ended.into_iter().fold(totals.admitted, u64::saturating_sub),
            call_duration,
            at_once,
        }
    }
}
