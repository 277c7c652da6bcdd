//! Of the budget of retries.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "a withdrawal in two steps",
        "algo/budget/shared.rs",
        "fn try_withdraw_at",
        "self.tokens.fetch_update(",
        "crate::model::in_steps(&self.tokens, $bug, ",
    ],
    [
        "a deposit in two steps",
        "algo/budget/shared.rs",
        "fn earn",
        "self.tokens.fetch_update(",
        "crate::model::in_steps(&self.tokens, $bug, ",
    ],
    [
        "terms change in two steps",
        "algo/budget/shared.rs",
        "fn set_terms_at",
        "self.tokens.fetch_update(",
        "crate::model::in_steps(&self.tokens, $bug, ",
    ],
    [
        "time is claimed in two steps",
        "algo/budget/shared.rs",
        "fn claim",
        "let before = self.refilled.fetch_max(now.as_nanos(), Relaxed);",
        "let latest = |before: u64| Some(before.max(now.as_nanos()));
         let Ok(before) = crate::model::in_steps(&self.refilled, $bug, Relaxed, Relaxed, latest) else { unreachable!() };",
    ],
];

const WEAK: &[Weak] = &[];
