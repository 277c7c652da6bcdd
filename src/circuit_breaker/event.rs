use std::fmt;
use std::time::Duration;

use crate::algo::breaker::{Causes, CircuitControl, CircuitReason, CircuitState, Queued};
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{EventLevel, Identity};
use crate::units::rate;

/// That a breaker changed its state: what listeners get, and what is logged.
///
/// Its `Display` is what the log says: `circuit breaker opened: 131 of 248 failed: timeout 92, 503 39`.
///
/// ```
/// use buttress::{CircuitBreaker, CircuitBreakerConfig, Verdict};
///
/// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
/// breaker.subscribe(|event| {
///     assert_eq!(event.to_string(), "circuit breaker opened: 100 of 100 failed: 503 100");
///     assert_eq!(event.causes.count("503"), event.failures);
/// }).keep();
/// for _ in 0..100 {
///     breaker.try_admit().unwrap().settle(Verdict::failure("503"));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CircuitEvent {
    /// The stack that the breaker belongs to; its own name if it belongs to none.
    pub stack: Name,
    /// The name of the breaker.
    pub name: Name,
    /// Who looks after it.
    pub owner: Option<Name>,
    /// Where it says what to do.
    pub runbook: Option<Name>,
    /// The state before; the same as the `to` of the event before.
    pub from: CircuitState,
    /// The state now.
    pub to: CircuitState,
    /// Whether it is held by hand now.
    pub control: CircuitControl,
    /// Why.
    pub reason: CircuitReason,
    /// Which attempt of a call brought it about: 2 and more inside a retry, see
    /// [`current_attempt`](crate::retry::current_attempt); else 1.
    pub attempt: u32,
    /// Whether it rejects anything.
    pub mode: Mode,
    /// The calls that the last opening was based on: those in the window, or trial calls.
    pub recorded: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were slow.
    pub slow_calls: u64,
    /// Their share, 0 if there were none.
    pub failure_rate: f64,
    /// Their share, 0 if there were none.
    pub slow_call_rate: f64,
    /// Why they failed; in an outage, why those in a row did.
    pub causes: Causes,
    /// How many failures there were since the last success.
    pub failures_in_a_row: u64,
    /// How long it stays open.
    pub retry_after: Option<Duration>,
    /// How often it opened since it was last closed.
    pub opened: u32,
    /// How long ago it was last closed.
    pub not_closed_for: Duration,
    /// How many calls it rejected since then.
    pub rejected: u64,
    /// Earlier transitions that this event stands for as well: more happened than listeners could keep up
    /// with. `from` is where the first of them began.
    pub merged: u64,
    is_outbreak: bool,
}

impl CircuitEvent {
    pub(super) fn new(identity: Identity, mode: Mode, queued: Queued) -> Self {
        let Identity { stack, name, owner, runbook, .. } = identity;
        let Queued { transition, merged, is_outbreak, attempt } = queued;
        let counts = transition.evidence.counts;
        Self {
            stack,
            name,
            owner,
            runbook,
            from: transition.from,
            to: transition.to,
            control: transition.control,
            reason: transition.reason,
            attempt,
            mode,
            recorded: counts.recorded,
            failures: counts.failures,
            slow_calls: counts.slow,
            failure_rate: rate(counts.failures, counts.recorded),
            slow_call_rate: rate(counts.slow, counts.recorded),
            causes: transition.evidence.causes,
            failures_in_a_row: transition.evidence.in_a_row,
            retry_after: transition.retry_after,
            opened: transition.episode.opened,
            not_closed_for: transition.episode.lasted,
            rejected: transition.episode.rejected,
            merged,
            is_outbreak,
        }
    }

    /// Tells on-call. Rejections are counted, not logged: a storm of them must not become a storm of lines.
    pub(super) fn log(&self) {
        self.log_at(self.level(), None);
    }

    /// The same of one key of many.
    pub(super) fn log_at(&self, level: Option<EventLevel>, key: Option<&str>) {
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    stack = %self.stack,
                    layer = "circuit_breaker",
                    name = %self.name,
                    key,
                    owner = self.owner.map(Name::as_str),
                    runbook = self.runbook.map(Name::as_str),
                    from = %self.from,
                    to = %self.to,
                    control = self.control.as_str(),
                    reason = self.reason.as_str(),
                    attempt = self.attempt,
                    mode = self.mode.as_str(),
                    recorded = self.recorded,
                    failures = self.failures,
                    slow_calls = self.slow_calls,
                    failure_rate = self.failure_rate,
                    slow_call_rate = self.slow_call_rate,
                    causes = %self.causes,
                    failures_in_a_row = self.failures_in_a_row,
                    retry_after = self.retry_after.map(tracing::field::debug),
                    opened = self.opened,
                    not_closed_for = ?self.not_closed_for,
                    rejected = self.rejected,
                    merged = self.merged,
                    "{self}"
                )
            };
        }
        match level {
            Some(EventLevel::Warn) => log!(warn),
            Some(EventLevel::Info) => log!(info),
            None => log!(debug),
        }
    }

    /// How much it matters to people; `None` if only to who looks closely: however often it opens again, an
    /// episode begins once and ends once.
    pub(super) fn level(&self) -> Option<EventLevel> {
        match self.reason {
            _ if self.is_outbreak => Some(EventLevel::Warn),
            CircuitReason::OpenTimeOver | CircuitReason::TrialsFailed => None,
            _ => Some(EventLevel::Info),
        }
    }

    /// Why the calls failed, and how many of them that is about.
    fn fmt_causes(&self, f: &mut fmt::Formatter<'_>, failures: u64) -> fmt::Result {
        write!(f, ": {}", self.causes)?;
        let told: u64 = self.causes.iter().map(|(_, count)| count).sum();
        if told < failures { write!(f, " (the latest {told})") } else { Ok(()) }
    }
}

impl fmt::Display for CircuitEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("circuit breaker ")?;
        match self.reason {
            CircuitReason::FailureRate => {
                write!(f, "opened: {} of {} failed", self.failures, self.recorded)?;
                self.fmt_causes(f, self.failures)
            }
            CircuitReason::Outage => {
                write!(f, "opened: {} failures in a row", self.failures_in_a_row)?;
                self.fmt_causes(f, self.failures_in_a_row)
            }
            CircuitReason::SlowCalls => {
                write!(f, "opened: {} of {} were slow", self.slow_calls, self.recorded)
            }
            CircuitReason::TrialsFailed => {
                write!(f, "opened again: {} of {} trial calls failed", self.failures, self.recorded)?;
                self.fmt_causes(f, self.failures)
            }
            CircuitReason::OpenTimeOver => f.write_str("is half-open"),
            CircuitReason::Isolated => f.write_str("isolated by hand"),
            CircuitReason::Bypassed => f.write_str("bypassed by hand"),
            CircuitReason::TrialsSucceeded
            | CircuitReason::Automatic
            | CircuitReason::TimeToLiveOver
            | CircuitReason::Reset => {
                let (opened, time, rejected) = (self.opened, self.not_closed_for, self.rejected);
                write!(f, "closed after {time:.1?}: opened {opened} times, rejected {rejected} calls")
            }
        }
    }
}
