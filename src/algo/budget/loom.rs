#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

use super::{SharedBudget, TOKEN, Terms};
use crate::model::{Model, Shared, Twin, join, spawn};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "budget: one token, two takers",
        threads: 2,
        check: one_token_two_takers,
        twins: &[Twin { bug: "a withdrawal in two steps", fails_with: "not one token for two" }],
    },
    Model {
        name: "budget: two tokens, three takers",
        threads: 3,
        check: two_tokens_three_takers,
        twins: &[Twin { bug: "a withdrawal in two steps", fails_with: "not two tokens for three" }],
    },
    Model {
        name: "budget: a deposit against a withdrawal",
        threads: 2,
        check: a_deposit_against_a_withdrawal,
        twins: &[
            Twin { bug: "a deposit in two steps", fails_with: "tokens made or lost" },
            Twin { bug: "a withdrawal in two steps", fails_with: "tokens made or lost" },
        ],
    },
    Model {
        name: "budget: the same second, two takers",
        threads: 2,
        check: the_same_second_two_takers,
        twins: &[Twin { bug: "time is claimed in two steps", fails_with: "a second counted twice or lost" }],
    },
    Model {
        name: "budget: other terms against a withdrawal",
        threads: 2,
        check: other_terms_against_a_withdrawal,
        twins: &[Twin { bug: "terms change in two steps", fails_with: "tokens made or lost" }],
    },
];

const START: Instant = Instant::from_nanos(0);

/// With that many tokens; half a one for each call, and one per second.
fn budget(capacity: u64) -> Shared<SharedBudget> {
    let terms = Terms { deposit: TOKEN / 2, per_second: TOKEN, capacity: capacity * TOKEN };
    Shared::new(SharedBudget::new(terms))
}

fn count(granted: impl IntoIterator<Item = bool>) -> u64 {
    granted.into_iter().map(u64::from).sum()
}

/// One of them gets it, and the other does not.
fn one_token_two_takers() {
    let budget = budget(1);
    let other = spawn(0, &budget, |budget| budget.try_withdraw_at(START));
    let granted = count([budget.try_withdraw_at(START), join(other)]);
    assert_eq!((granted, budget.available_at(START)), (1, 0), "not one token for two");
}

/// Two of them get one.
fn two_tokens_three_takers() {
    let budget = budget(2);
    let others = [0, 1].map(|slot| spawn(slot, &budget, |budget| budget.try_withdraw_at(START)));
    let own = budget.try_withdraw_at(START);
    let granted = count([own].into_iter().chain(others.map(join)));
    assert_eq!((granted, budget.available_at(START)), (2, 0), "not two tokens for three");
}

/// What is there in the end is what was there, and what came, without what went.
fn a_deposit_against_a_withdrawal() {
    let budget = budget(2);
    assert!(budget.try_withdraw_at(START));
    let other = spawn(0, &budget, SharedBudget::deposit);
    let granted = count([budget.try_withdraw_at(START)]);
    join(other);
    assert_eq!((granted, budget.available_at(START)), (1, TOKEN / 2), "tokens made or lost");
}

/// A second brings one token: one of them gets it, or it is there afterwards.
fn the_same_second_two_takers() {
    let budget = budget(2);
    let later = Instant::from_nanos(1_000_000_000);
    (0..2).for_each(|_| assert!(budget.try_withdraw_at(START)));
    let other = spawn(0, &budget, move |budget| budget.try_withdraw_at(later));
    let granted = count([budget.try_withdraw_at(later), join(other)]);
    let there = granted * TOKEN + budget.available_at(later);
    assert_eq!(there, TOKEN, "a second counted twice or lost");
}

/// Tokens are kept, up to the new capacity.
fn other_terms_against_a_withdrawal() {
    let budget = budget(2);
    let other = spawn(0, &budget, |budget| {
        budget.set_terms_at(Terms { deposit: 0, per_second: TOKEN, capacity: 3 * TOKEN }, START);
    });
    let granted = count([budget.try_withdraw_at(START)]);
    join(other);
    assert_eq!((granted, budget.available_at(START)), (1, TOKEN), "tokens made or lost");
    assert_eq!(budget.terms().capacity, 3 * TOKEN);
}
