use super::decision::Stop;
use crate::algo::counter::Counter;
use crate::causes::Causes;
use crate::mode::Mode;
use crate::name::Name;
use crate::stripe::Striped;
use crate::verdict::{Outcome, Verdict};

/// The counters of a [`Retry`](super::Retry), all since it was made. `attempts = calls + retries`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RetrySnapshot {
    /// The name of the engine.
    pub name: Name,
    /// Whether anything is repeated.
    pub mode: Mode,
    /// Calls, those included whose first attempt a layer below refused.
    pub calls: u64,
    /// Attempts that were made, the first ones included: at least one for each call.
    pub attempts: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// What they repeated: the causes of the results before them, most frequent first. A few are told apart; the
    /// rest is summed as `"other"`. Together they are `retries`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::counts"))]
    pub causes: Vec<(&'static str, u64)>,
    /// Calls that succeeded after more than one attempt.
    pub recovered: u64,
    /// Calls that were not repeated because the failure or the request does not allow it.
    pub not_repeatable: u64,
    /// Calls that used up their attempts.
    pub attempts_exhausted: u64,
    /// Calls that were not repeated because the budget was used up.
    pub budget_exhausted: u64,
    /// Calls that were not repeated because the wait would have ended too late for the caller.
    pub deadline: u64,
    /// Calls that were not repeated because a layer below refused them.
    pub rejected: u64,
    /// Calls that would have been repeated, but for the dry run.
    pub would_retry: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    calls: Striped,
    retries: Causes,
    recovered: Counter,
    not_repeatable: Counter,
    attempts_exhausted: Counter,
    budget_exhausted: Counter,
    deadline: Counter,
    rejected: Counter,
    would_retry: Counter,
}

/// What ended is read before what was repeated, and that before the calls, so that no part exceeds the whole.
impl Counts {
    pub(super) fn call(&self) {
        self.calls.add();
    }

    pub(super) fn retry(&self, cause: &'static str) {
        self.retries.count(cause);
    }

    pub(super) fn would_retry(&self) {
        self.would_retry.add();
    }

    /// A call ended with this result, for this reason.
    #[inline]
    pub(super) fn ended(&self, verdict: &Verdict, sent: u32, stop: Option<Stop>) {
        let count = match stop {
            Some(Stop::NotRepeatable) => &self.not_repeatable,
            Some(Stop::AttemptsExhausted) => &self.attempts_exhausted,
            Some(Stop::BudgetExhausted) => &self.budget_exhausted,
            Some(Stop::Deadline) => &self.deadline,
            Some(Stop::Rejected) => &self.rejected,
            None if sent > 1 && verdict.outcome() == Outcome::Success => &self.recovered,
            None => return,
        };
        count.add();
    }

    pub(super) fn snapshot(&self, name: Name, mode: Mode) -> RetrySnapshot {
        let ends = [
            &self.recovered,
            &self.not_repeatable,
            &self.attempts_exhausted,
            &self.budget_exhausted,
            &self.deadline,
            &self.rejected,
            &self.would_retry,
        ];
        let [
            recovered,
            not_repeatable,
            attempts_exhausted,
            budget_exhausted,
            deadline,
            rejected,
            would_retry,
        ] = ends.map(Counter::get);
        let causes = self.retries.get();
        let retries = causes.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
        let calls = self.calls.get();
        RetrySnapshot {
            name,
            mode,
            calls,
            attempts: calls.saturating_add(retries),
            retries,
            causes,
            recovered,
            not_repeatable,
            attempts_exhausted,
            budget_exhausted,
            deadline,
            rejected,
            would_retry,
        }
    }
}
