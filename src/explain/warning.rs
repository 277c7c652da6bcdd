use std::fmt;
use std::time::Duration;

use crate::name::Name;

/// Something in a stack that looks like a mistake. Its `Display` says what is wrong, and what follows from
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A retry without a timeout around it: attempts and pauses add up.
    NoTotalTimeout {
        /// The retry.
        retry: Name,
    },
    /// A retry without a timeout inside it: an attempt that hangs is the last one.
    NoAttemptTimeout {
        /// The retry.
        retry: Name,
    },
    /// A retry without a budget: an outage is met with all attempts of all calls.
    NoRetryBudget {
        /// The retry.
        retry: Name,
        /// How many attempts a call has.
        attempts: u32,
    },
    /// A retry inside a retry: attempts multiply.
    RetryInsideRetry {
        /// The one outside.
        outer: Name,
        /// The one inside.
        inner: Name,
        /// How many attempts a call has by both together.
        attempts: u32,
    },
    /// A circuit breaker around a retry: it sees calls and not attempts, and an open circuit does not end a
    /// call that is being repeated.
    BreakerOutsideRetry {
        /// The circuit breaker.
        breaker: Name,
        /// The retry.
        retry: Name,
    },
    /// A bulkhead or a rate limit around a retry: places are held while it waits, and repeats take no cells.
    LimitOutsideRetry {
        /// The kind of limit.
        layer: &'static str,
        /// The limit.
        limit: Name,
        /// The retry.
        retry: Name,
    },
    /// A fallback inside a retry or a circuit breaker, which then take its answers for successes.
    FallbackInside {
        /// The fallback.
        fallback: Name,
        /// The kind of layer around it.
        layer: &'static str,
        /// The layer around it.
        outer: Name,
    },
    /// An attempt may take all the time that the call has, or more.
    AttemptAboveTotal {
        /// The timeout inside.
        attempt: Name,
        /// Its limit.
        attempt_limit: Duration,
        /// The timeout around it.
        total: Name,
        /// Its limit.
        total_limit: Duration,
    },
    /// A back-off may take all the time that the call has, or more.
    BackoffAboveTotal {
        /// The retry.
        retry: Name,
        /// The longest back-off between the attempts that it has.
        backoff: Duration,
        /// The timeout around it.
        total: Name,
        /// Its limit.
        total_limit: Duration,
    },
    /// A call may wait for its turn for all the time that it has, or more.
    WaitAboveTimeout {
        /// The kind of limit that it waits for: `"bulkhead"` or `"rate_limit"`.
        layer: &'static str,
        /// The limit.
        limit: Name,
        /// How long it may wait.
        wait: Duration,
        /// The timeout around it.
        timeout: Name,
        /// Its limit.
        timeout_limit: Duration,
    },
    /// One engine in several stacks: what one dependency does to it, the others feel. A stack that is gone is still
    /// named.
    SharedEngine {
        /// The kind of engine.
        layer: &'static str,
        /// Its name.
        name: Name,
        /// The stacks.
        stacks: Vec<Name>,
    },
    /// One engine twice in the same stack.
    UsedTwice {
        /// The kind of engine.
        layer: &'static str,
        /// Its name.
        name: Name,
    },
    /// One engine under two names: a clone of it was given another name, as if it were another engine.
    TwoNames {
        /// The kind of engine.
        layer: &'static str,
        /// The name that it has.
        name: Name,
        /// The name that it had.
        former: Name,
    },
    /// A fallback that was not asked, because the requests must not be sent twice: to another service
    /// neither. Told once it has happened: it is not to be seen in the types.
    FallbackWithheld {
        /// The fallback.
        fallback: Name,
        /// How many calls got no fallback.
        calls: u64,
    },
}

impl Warning {
    /// The word for it in JSON: the name of the variant in `snake_case`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoTotalTimeout { .. } => "no_total_timeout",
            Self::NoAttemptTimeout { .. } => "no_attempt_timeout",
            Self::NoRetryBudget { .. } => "no_retry_budget",
            Self::RetryInsideRetry { .. } => "retry_inside_retry",
            Self::BreakerOutsideRetry { .. } => "breaker_outside_retry",
            Self::LimitOutsideRetry { .. } => "limit_outside_retry",
            Self::FallbackInside { .. } => "fallback_inside",
            Self::AttemptAboveTotal { .. } => "attempt_above_total",
            Self::BackoffAboveTotal { .. } => "backoff_above_total",
            Self::WaitAboveTimeout { .. } => "wait_above_timeout",
            Self::SharedEngine { .. } => "shared_engine",
            Self::UsedTwice { .. } => "used_twice",
            Self::TwoNames { .. } => "two_names",
            Self::FallbackWithheld { .. } => "fallback_withheld",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTotalTimeout { retry } => {
                write!(
                    f,
                    "no timeout around retry {retry}: a call takes as long as all its attempts and pauses"
                )
            }
            Self::NoAttemptTimeout { retry } => {
                write!(f, "no timeout inside retry {retry}: an attempt that hangs is never repeated")
            }
            Self::NoRetryBudget { retry, attempts } => {
                write!(f, "retry {retry} has no budget: an outage meets up to {attempts} times the traffic")
            }
            Self::RetryInsideRetry { outer, inner, attempts } => {
                write!(f, "retry {inner} is inside retry {outer}: up to {attempts} attempts for one call")
            }
            Self::BreakerOutsideRetry { breaker, retry } => write!(
                f,
                "circuit breaker {breaker} is outside retry {retry}: it does not see the attempts, and does not \
                 end them when it opens"
            ),
            Self::LimitOutsideRetry { layer, limit, retry } => match *layer {
                "bulkhead" => {
                    write!(
                        f,
                        "bulkhead {limit} is outside retry {retry}: places are held between the attempts"
                    )
                }
                _ => write!(f, "rate limit {limit} is outside retry {retry}: repeats are not counted"),
            },
            Self::FallbackInside { fallback, layer, outer } => write!(
                f,
                "fallback {fallback} is inside {} {outer}, which takes its answers for successes",
                layer.replace('_', " ")
            ),
            Self::AttemptAboveTotal { attempt, attempt_limit, total, total_limit } => write!(
                f,
                "timeout {attempt} ({attempt_limit:?}) is not below timeout {total} around it ({total_limit:?}): \
                 one attempt may take all the time that a call has"
            ),
            Self::BackoffAboveTotal { retry, backoff, total, total_limit } => write!(
                f,
                "retry {retry} may wait {backoff:?} between attempts, which is not below timeout {total} around it \
                 ({total_limit:?})"
            ),
            Self::WaitAboveTimeout { layer, limit, wait, timeout, timeout_limit } => write!(
                f,
                "calls may wait {wait:?} for {} {limit}, which is not below timeout {timeout} around it \
                 ({timeout_limit:?})",
                layer.replace('_', " ")
            ),
            Self::SharedEngine { layer, name, stacks } => {
                let stacks: Vec<_> = stacks.iter().map(|stack| stack.as_str()).collect();
                write!(f, "one {} {name} in stacks {}: ", layer.replace('_', " "), stacks.join(", "))?;
                f.write_str("what one of them does to it, the others feel")
            }
            Self::UsedTwice { layer, name } => {
                write!(
                    f,
                    "{} {name} stands twice in the stack: each call passes it twice",
                    layer.replace('_', " ")
                )
            }
            Self::TwoNames { layer, name, former } => write!(
                f,
                "{} {name} was called {former} before: it is one engine, and a clone of a layer makes no second",
                layer.replace('_', " ")
            ),
            Self::FallbackWithheld { fallback, calls } => write!(
                f,
                "fallback {fallback} was not asked for {calls} calls, because their requests must not be sent twice"
            ),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Warning {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut warning = serializer.serialize_struct("Warning", 2)?;
        warning.serialize_field("kind", self.kind())?;
        warning.serialize_field("message", &self.to_string())?;
        warning.end()
    }
}
