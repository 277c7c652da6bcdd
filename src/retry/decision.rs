//! What follows from one result: a function of its arguments.

use std::time::Duration;

use super::policy::RetryPolicy;
use crate::reject::RejectedKind;
use crate::verdict::{Outcome, Verdict};

/// How far a call has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Attempts that were sent.
    pub(super) sent: u32,
    /// Whether there is a request for another one.
    pub(super) copied: bool,
    /// Whether the service may see the request twice.
    pub(super) repeatable: bool,
    /// What the back-off was before this attempt.
    pub(super) backoff: Option<Duration>,
}

/// What to do before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) wait: Duration,
    /// The part of the wait that is our own, from which the next one grows.
    pub(super) backoff: Option<Duration>,
    /// Whether the budget has to allow it.
    pub(super) costs: bool,
}

/// Why a result that might have been repeated was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The result or the request does not allow it.
    NotRepeatable,
    /// That was the last attempt.
    AttemptsExhausted,
    /// The budget is used up.
    BudgetExhausted,
    /// The wait would end after the caller's deadline.
    Deadline,
    /// A layer below refused the call, and would again.
    Rejected,
}

/// `None` in the error: there is nothing to repeat.
pub(super) fn plan(
    policy: &RetryPolicy,
    verdict: &Verdict,
    standing: Standing,
    draw: impl FnOnce() -> f64,
) -> Result<Plan, Option<Stop>> {
    if !verdict.may_repeat() {
        return Err(final_result(verdict));
    }
    if standing.sent >= policy.max_attempts {
        return Err(Some(Stop::AttemptsExhausted));
    }
    if !standing.copied || (verdict.was_sent() && !standing.repeatable) {
        return Err(Some(Stop::NotRepeatable));
    }
    if verdict.rejected() == Some(RejectedKind::RateLimited) {
        return after_rate_limit(policy, verdict, standing);
    }
    let repeats = standing.sent.saturating_sub(1);
    let backoff = policy.jitter.spread(&policy.backoff, repeats, standing.backoff, draw());
    let asked = verdict.retry_after().unwrap_or(Duration::ZERO).min(policy.retry_after_cap);
    Ok(Plan { wait: backoff.max(asked), backoff: Some(backoff), costs: true })
}

/// What a result means that is not repeated for what it is.
#[inline]
pub(super) fn final_result(verdict: &Verdict) -> Option<Stop> {
    match (verdict.rejected(), verdict.outcome()) {
        (Some(_), _) => Some(Stop::Rejected),
        (None, Outcome::Failure | Outcome::Throttled) => Some(Stop::NotRepeatable),
        (None, Outcome::Success | Outcome::Ignored) => None,
    }
}

/// Our own rate limit knows to the nanosecond when there is room. The service saw nothing, so the budget
/// is left alone.
fn after_rate_limit(
    policy: &RetryPolicy,
    verdict: &Verdict,
    standing: Standing,
) -> Result<Plan, Option<Stop>> {
    let wait = verdict.retry_after().unwrap_or(policy.backoff.base);
    if wait > policy.backoff.cap {
        return Err(Some(Stop::Rejected));
    }
    Ok(Plan { wait, backoff: standing.backoff, costs: false })
}
