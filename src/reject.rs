//! Rejections, and how one becomes a service's result.

use std::fmt;
use std::time::Duration;

use crate::name::NameId;
use crate::units::nanos;

/// Why a layer refused a call or stopped waiting for it.
///
/// Small and `Copy`; it travels inside the service's own error type (see [`OnReject`]) and is found
/// again by [`find_rejected`](crate::find_rejected), however often it was boxed.
///
/// ```
/// use std::time::Duration;
/// use buttress::{RejectedKind, Timeout};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let timeout = Timeout::new(Duration::from_millis(10)).named("search");
/// let rejected = timeout.run(std::future::pending::<()>()).await.unwrap_err();
/// assert_eq!(rejected.kind(), RejectedKind::TimedOut);
/// assert_eq!(rejected.name(), "search");
/// assert!(rejected.was_sent());
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    kind: RejectedKind,
    source: Source,
    was_sent: bool,
    name: NameId,
    /// In nanoseconds: the limit for `TimedOut`, else the wait that the caller is asked for, or [`NO_TIME`].
    time: u64,
}

// Every result of a layered service has room for one, and is moved through every layer.
const _: () = assert!(size_of::<Rejected>() == 16, "an admitted call pays for the size of a rejection");

const NO_TIME: u64 = u64::MAX;

/// What happened to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectedKind {
    /// The circuit breaker is open, or half-open with every trial slot taken.
    CircuitOpen,
    /// The bulkhead is full and does not queue.
    BulkheadFull,
    /// The bulkhead and its queue are full.
    QueueFull,
    /// The call left the bulkhead's queue after the longest wait.
    QueueTimeout,
    /// The quota is used up.
    RateLimited,
    /// The call costs more than the quota's burst: waiting would not help.
    CostAboveBurst,
    /// No answer came in time. The call was sent, unless its caller's deadline had passed when it came in.
    TimedOut,
    /// `call` came without `poll_ready` before it. A bug in the caller.
    NotReady,
}

impl RejectedKind {
    /// The word for it in logs, metrics and causes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitOpen => "circuit_open",
            Self::BulkheadFull => "bulkhead_full",
            Self::QueueFull => "queue_full",
            Self::QueueTimeout => "queue_timeout",
            Self::RateLimited => "rate_limited",
            Self::CostAboveBurst => "cost_above_burst",
            Self::TimedOut => "timeout",
            Self::NotReady => "not_ready",
        }
    }
}

/// The kinds of layers that reject, and what is known about how they came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    #[cfg(feature = "circuit-breaker")]
    CircuitBreaker,
    #[cfg(feature = "bulkhead")]
    Bulkhead,
    #[cfg(feature = "rate-limit")]
    RateLimit,
    #[cfg(feature = "timeout")]
    Timeout(Expiry),
}

/// How a time-out came about, which decides whether it says anything about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The configured time passed.
    Full,
    /// The caller's deadline came before the configured time had passed.
    CutShort,
    /// The timer fired late: this process stalled, and the answer may have been there in time.
    Stalled,
}

impl Rejected {
    /// A refusal before anything was sent.
    pub(crate) fn unsent(kind: RejectedKind, source: Source, name: NameId, after: Option<Duration>) -> Self {
        Self {
            kind,
            source,
            was_sent: false,
            name,
            time: after.map_or(NO_TIME, |after| nanos(after).min(NO_TIME - 1)),
        }
    }

    #[cfg(feature = "timeout")]
    pub(crate) fn timed_out(name: NameId, limit: Duration, expiry: Expiry) -> Self {
        let source = Source::Timeout(expiry);
        Self { kind: RejectedKind::TimedOut, source, was_sent: true, name, time: nanos(limit) }
    }

    /// A call that came when its caller's deadline had passed, given how much time that one had allowed.
    #[cfg(all(feature = "http", feature = "timeout"))]
    pub(crate) fn came_late(name: NameId, allowed: Duration) -> Self {
        Self { was_sent: false, ..Self::timed_out(name, allowed, Expiry::CutShort) }
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> RejectedKind {
        self.kind
    }

    /// The kind of layer that decided: `"circuit_breaker"`, `"bulkhead"`, …
    #[must_use]
    pub const fn layer(&self) -> &'static str {
        match self.source {
            #[cfg(feature = "circuit-breaker")]
            Source::CircuitBreaker => "circuit_breaker",
            #[cfg(feature = "bulkhead")]
            Source::Bulkhead => "bulkhead",
            #[cfg(feature = "rate-limit")]
            Source::RateLimit => "rate_limit",
            #[cfg(feature = "timeout")]
            Source::Timeout(_) => "timeout",
        }
    }

    /// The name of the engine that decided.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name.name().as_str()
    }

    /// How long to wait before it makes sense to ask again, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.kind != RejectedKind::TimedOut && self.time != NO_TIME).then_some(self.time())
    }

    /// For [`TimedOut`](RejectedKind::TimedOut): the limit that was configured, 584 years at most.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        (self.kind == RejectedKind::TimedOut).then_some(self.time())
    }

    const fn time(&self) -> Duration {
        Duration::from_nanos(self.time)
    }

    /// Whether the call may have reached the service. If `false`, it is safe to send it again.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        self.was_sent
    }

    /// For a time-out: whether the caller's [deadline](crate::deadline) ended it before the layer's
    /// own limit. It then says nothing about the service.
    #[must_use]
    pub const fn was_cut_short(&self) -> bool {
        matches!(self.expiry(), Some(Expiry::CutShort))
    }

    /// For a time-out: whether the timer fired so late that this process must have stalled. It then
    /// says nothing about the service.
    #[must_use]
    pub const fn was_stalled(&self) -> bool {
        matches!(self.expiry(), Some(Expiry::Stalled))
    }

    const fn expiry(&self) -> Option<Expiry> {
        match self.source {
            #[cfg(feature = "timeout")]
            Source::Timeout(expiry) => Some(expiry),
            #[allow(unreachable_patterns, reason = "reachable as soon as another pattern is selected")]
            _ => None,
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self.kind {
            RejectedKind::CircuitOpen => write!(f, "circuit breaker `{name}` is open"),
            RejectedKind::BulkheadFull => write!(f, "bulkhead `{name}` is full"),
            RejectedKind::QueueFull => write!(f, "queue of bulkhead `{name}` is full"),
            RejectedKind::QueueTimeout => write!(f, "waited too long in the queue of bulkhead `{name}`"),
            RejectedKind::RateLimited => write!(f, "rate limit `{name}` is exceeded"),
            RejectedKind::CostAboveBurst => {
                write!(f, "call costs more than the burst of rate limit `{name}`")
            }
            RejectedKind::TimedOut => write!(f, "timed out in `{name}`"),
            RejectedKind::NotReady => write!(f, "called `{name}` without waiting until it was ready"),
        }?;
        match self.expiry() {
            Some(Expiry::CutShort) => f.write_str(" at the caller's deadline"),
            Some(Expiry::Stalled) => f.write_str(", late: this process stalled"),
            _ => Ok(()),
        }?;
        match (self.limit(), self.retry_after()) {
            (Some(limit), _) => write!(f, " (limit {limit:?})"),
            (_, Some(wait)) => write!(f, ", retry in {wait:?}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("kind", &self.kind)
            .field("layer", &self.layer())
            .field("name", &self.name)
            .field("retry_after", &self.retry_after())
            .field("limit", &self.limit())
            .field("was_sent", &self.was_sent)
            .field("was_cut_short", &self.was_cut_short())
            .field("was_stalled", &self.was_stalled())
            .finish()
    }
}

impl std::error::Error for Rejected {}

/// How a [`Rejected`] becomes this service's result. Runs only when a call is rejected.
///
/// The default strategy is [`Convert`]; [`RejectWith`] takes a closure.
#[diagnostic::on_unimplemented(
    message = "a rejection cannot become `Result<{Res}, {E}>` by `{Self}`",
    label = "this layer has no way to say that it refused a call",
    note = "your own error type: implement `From<buttress::Rejected>` for it",
    note = "foreign errors, such as an HTTP client's: put `.map_err(buttress::CallError::Inner)` below the layers",
    note = "anything else: `.on_reject(|rejected| ..)` on the layer says what the caller gets"
)]
pub trait OnReject<Res, E> {
    /// The result that the caller of a rejected call gets.
    ///
    /// # Errors
    ///
    /// Whatever the strategy makes of the rejection.
    fn on_reject(&self, rejected: Rejected) -> Result<Res, E>;
}

/// The default strategy: `E::from(rejected)`, or for servers that cannot fail (axum, tonic) a
/// response with status 503, 429 or 504 and a `Retry-After`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Convert;

// Without this the compiler would complain about `From` and never get to what the trait has to say.
#[diagnostic::do_not_recommend]
impl<Res, E: From<Rejected>> OnReject<Res, E> for Convert {
    fn on_reject(&self, rejected: Rejected) -> Result<Res, E> {
        Err(E::from(rejected))
    }
}

/// The strategy of a closure, made by `.on_reject(..)` on a layer. Other strategies come in through `.reject_as(..)`.
#[derive(Clone, Copy)]
pub struct RejectWith<F>(pub F);

impl<F, Res, E> OnReject<Res, E> for RejectWith<F>
where
    F: Fn(Rejected) -> Result<Res, E>,
{
    fn on_reject(&self, rejected: Rejected) -> Result<Res, E> {
        (self.0)(rejected)
    }
}

impl<F> fmt::Debug for RejectWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RejectWith({})", std::any::type_name::<F>())
    }
}

#[cfg(all(test, feature = "timeout"))]
mod tests {
    use super::*;
    use crate::name::Name;

    fn refused(after: Option<Duration>) -> Rejected {
        Rejected::unsent(RejectedKind::NotReady, Source::Timeout(Expiry::Full), Name::from("a").into(), after)
    }

    #[test]
    fn a_wait_is_kept_whatever_it_is_and_none_is_none() {
        assert_eq!(refused(None).retry_after(), None);
        for wait in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(86_400)] {
            assert_eq!(refused(Some(wait)).retry_after(), Some(wait));
        }
        assert!(refused(Some(Duration::MAX)).retry_after() > Some(Duration::from_secs(500 * 365 * 86_400)));
    }

    #[test]
    fn a_time_out_has_a_limit_and_no_wait() {
        let limit = Duration::from_millis(3);
        let timed_out = Rejected::timed_out(Name::from("b").into(), limit, Expiry::Full);
        assert_eq!((timed_out.limit(), timed_out.retry_after()), (Some(limit), None));
        assert_eq!(refused(Some(limit)).limit(), None);
    }
}
