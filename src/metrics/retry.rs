use super::out::Extracts;
use super::table::{
    ATTEMPTS, BUDGET_CAPACITY, BUDGET_REFUSED, BUDGET_RETURNED, BUDGET_TOKENS, BUDGET_WITHDRAWN, CALLS,
    DRY_RUN, OUTCOMES, RETRIES, RETRY_STOPPED,
};
use crate::retry::{RetryBudgetSnapshot, RetrySnapshot};

pub(super) static TABLE: Extracts<RetrySnapshot> = &[
    (&CALLS, |now, out| out.count(now.calls)),
    (&DRY_RUN, |now, out| out.count(now.would_retry)),
    (&OUTCOMES, |now, out| out.word("recovered", now.recovered)),
    (&ATTEMPTS, |now, out| out.count(now.attempts)),
    (&RETRIES, |now, out| out.causes(now.causes.iter().copied())),
    (&RETRY_STOPPED, |now, out| {
        out.words([
            ("not_repeatable", now.not_repeatable),
            ("attempts_exhausted", now.attempts_exhausted),
            ("budget_exhausted", now.budget_exhausted),
            ("deadline", now.deadline),
            ("rejected", now.rejected),
        ]);
    }),
];

pub(super) static BUDGET: Extracts<RetryBudgetSnapshot> = &[
    (&BUDGET_TOKENS, |now, out| out.level(now.available)),
    (&BUDGET_CAPACITY, |now, out| out.count(now.capacity.into())),
    (&BUDGET_WITHDRAWN, |now, out| out.count(now.withdrawn)),
    (&BUDGET_RETURNED, |now, out| out.count(now.returned)),
    (&BUDGET_REFUSED, |now, out| out.count(now.refused)),
];
