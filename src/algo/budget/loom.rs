use super::{SharedBudget, TOKEN, Terms};
use crate::model::{Model, Shared, Twin, join, spawn};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[Model {
    name: "budget: one token, two takers",
    threads: 2,
    check: one_token_two_takers,
    twins: &[Twin { bug: "a withdrawal in two steps", fails_with: "one token for two" }],
}];

fn budget(capacity: u64) -> Shared<SharedBudget> {
    let terms = Terms { deposit: TOKEN / 2, per_second: TOKEN, capacity };
    Shared::new(SharedBudget::new(terms))
}

/// One of them gets it, and the other does not.
fn one_token_two_takers() {
    let budget = budget(TOKEN);
    let now = Instant::from_nanos(0);
    let other = spawn(0, &budget, move |budget| budget.try_withdraw_at(now));
    let granted = [budget.try_withdraw_at(now), join(other)];
    assert_eq!(granted.iter().filter(|granted| **granted).count(), 1, "one token for two");
    assert_eq!(budget.available_at(now), 0);
}
