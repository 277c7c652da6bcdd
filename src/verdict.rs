//! What an answer says about the health of the service that gave it.

use std::time::Duration;

use crate::reject::{Rejected, RejectedKind};

/// What one result means: for the service's health, and for whoever might send the call again.
///
/// Made by a [`Classify`](crate::Classify) strategy from each result.
///
/// ```
/// use buttress::{Outcome, Verdict};
///
/// let verdict = Verdict::failure("deadlock").repeatable(true);
/// assert_eq!(verdict.outcome(), Outcome::Failure);
/// assert!(verdict.may_repeat());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    outcome: Outcome,
    cause: &'static str,
    repeat: Option<bool>,
    retry_after: Option<Duration>,
    rejected: Option<RejectedKind>,
    was_sent: bool,
}

/// How a result counts for the health of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The service did its work.
    Success,
    /// The service did not do its work.
    Failure,
    /// The service is healthy and answered "not now, too many".
    Throttled,
    /// The result says nothing about health.
    Ignored,
}

impl Verdict {
    const fn new(outcome: Outcome, cause: &'static str) -> Self {
        Self { outcome, cause, repeat: None, retry_after: None, rejected: None, was_sent: true }
    }

    /// The service did its work.
    pub const fn success() -> Self {
        Self::new(Outcome::Success, "ok")
    }

    /// The service failed; `cause` is a short word such as `"timeout"` or `"503"`.
    ///
    /// Engines count causes: keep them few, and never make them from request data.
    pub const fn failure(cause: &'static str) -> Self {
        Self::new(Outcome::Failure, cause)
    }

    /// The service is healthy but wants fewer calls, such as status 429.
    pub const fn throttled() -> Self {
        Self::new(Outcome::Throttled, "throttled")
    }

    /// The result says nothing about the service's health; `cause` as for [`failure`](Self::failure).
    pub const fn ignored(cause: &'static str) -> Self {
        Self::new(Outcome::Ignored, cause)
    }

    /// Replaces the cause.
    pub const fn with_cause(mut self, cause: &'static str) -> Self {
        self.cause = cause;
        self
    }

    /// Whether this result allows that the call is sent again. By default failures and throttled
    /// results do, successes and ignored results do not.
    pub const fn repeatable(mut self, repeat: bool) -> Self {
        self.repeat = Some(repeat);
        self
    }

    /// How long the service asked the caller to wait.
    pub const fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The call never reached the service, as when no connection could be made. It may then be sent
    /// again whatever kind of request it is.
    pub const fn never_sent(mut self) -> Self {
        self.was_sent = false;
        self
    }

    /// Nobody can tell any more that the call never reached the service.
    pub(crate) const fn perhaps_sent(mut self) -> Self {
        self.was_sent = true;
        self
    }

    /// How the result counts for the service's health.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// A short word for what happened.
    #[must_use]
    pub const fn cause(&self) -> &'static str {
        self.cause
    }

    /// Whether the result allows that the call is sent again.
    #[must_use]
    pub const fn may_repeat(&self) -> bool {
        match self.repeat {
            Some(repeat) => repeat,
            None => matches!(self.outcome, Outcome::Failure | Outcome::Throttled),
        }
    }

    /// How long the service asked the caller to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The rejection behind this result, if one of our layers made it.
    #[must_use]
    pub const fn rejected(&self) -> Option<RejectedKind> {
        self.rejected
    }

    /// Whether a layer below refused the call, so that the service saw nothing of it.
    #[cfg(feature = "retry")]
    #[inline]
    pub(crate) const fn was_refused(&self) -> bool {
        self.rejected.is_some() && !self.was_sent
    }

    /// Whether the call may have reached the service.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        self.was_sent
    }
}

/// What our own rejections mean to the layers around the one that rejected.
impl From<Rejected> for Verdict {
    fn from(rejected: Rejected) -> Self {
        let kind = rejected.kind();
        let verdict = match kind {
            RejectedKind::TimedOut if !rejected.was_cut_short() && !rejected.was_stalled() => {
                Self::failure(kind.as_str())
            }
            RejectedKind::RateLimited => Self::ignored(kind.as_str()).repeatable(true),
            _ => Self::ignored(kind.as_str()),
        };
        Self {
            retry_after: rejected.retry_after(),
            rejected: Some(kind),
            was_sent: rejected.was_sent(),
            ..verdict
        }
    }
}
