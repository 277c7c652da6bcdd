use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::units::Instant;

const START: Instant = Instant::from_nanos(1_000_000_000_000);

fn after(time: Duration) -> Instant {
    START.saturating_add(time)
}

/// An empty budget at `START`.
fn drained(terms: Terms) -> SharedBudget {
    let budget = SharedBudget::new(terms);
    while budget.try_withdraw_at(START) {}
    budget
}

fn withdrawals(budget: &SharedBudget, now: Instant) -> u64 {
    (0_u64..).find(|_| !budget.try_withdraw_at(now)).unwrap()
}

#[test]
fn it_starts_full_and_holds_no_more() {
    let budget = SharedBudget::new(Terms::new(0.1, 1.0, 20));
    (0..1_000).for_each(|_| budget.deposit());
    assert_eq!(budget.available_at(START), 20 * TOKEN);
    assert_eq!(withdrawals(&budget, START), 20);
    assert_eq!(withdrawals(&budget, START), 0);
}

#[test]
fn rt_14_calls_and_time_fill_it_again() {
    let budget = drained(Terms::new(0.1, 0.0, 20));
    (0..100).for_each(|_| budget.deposit());
    assert_eq!(withdrawals(&budget, after(Duration::from_secs(9))), 10);

    let budget = drained(Terms::new(0.0, 1.0, 20));
    assert_eq!(withdrawals(&budget, after(Duration::from_nanos(4_999_999_999))), 4);
    assert_eq!(withdrawals(&budget, after(Duration::from_secs(5))), 1);
    assert_eq!(withdrawals(&budget, after(Duration::from_secs(3_600))), 20);
}

#[test]
fn a_refused_withdrawal_keeps_the_time_it_claimed() {
    let budget = drained(Terms::new(0.0, 1.0, 20));
    let granted =
        (1..=100).filter(|&tenth| budget.try_withdraw_at(after(tenth * Duration::from_millis(100))));
    assert_eq!(granted.count(), 10);
}

#[test]
fn a_clock_that_goes_backwards_earns_nothing_twice() {
    let budget = drained(Terms::new(0.0, 1.0, 20));
    assert_eq!(withdrawals(&budget, after(Duration::from_secs(3))), 3);
    assert_eq!(withdrawals(&budget, after(Duration::from_secs(1))), 0);
    assert_eq!(withdrawals(&budget, after(Duration::from_secs(3))), 0);
    assert_eq!(withdrawals(&budget, after(Duration::from_secs(4))), 1);
}

#[test]
fn nothing_overflows() {
    let budget = SharedBudget::new(Terms::new(5.0, f64::from(u32::MAX), u32::MAX));
    assert!(budget.try_withdraw_at(Instant::NEVER));
    budget.give_back();
    budget.deposit();
    assert_eq!(budget.available_at(Instant::NEVER), u64::from(u32::MAX) * TOKEN);
}

#[test]
fn a_token_given_back_can_be_taken_again() {
    let budget = drained(Terms::new(0.0, 0.0, 2));
    budget.give_back();
    assert_eq!(withdrawals(&budget, START), 1);
}

#[test]
fn new_terms_keep_what_was_earned_up_to_the_new_capacity() {
    let budget = drained(Terms::new(0.0, 1.0, 20));
    budget.set_terms_at(Terms::new(0.0, 2.0, 20), after(Duration::from_secs(5)));
    assert_eq!(budget.available_at(after(Duration::from_secs(6))), 7 * TOKEN);
    budget.set_terms_at(Terms::new(0.5, 0.0, 3), after(Duration::from_secs(6)));
    assert_eq!(budget.available_at(after(Duration::from_secs(60))), 3 * TOKEN);
    // A fuller budget is not filled by it.
    budget.set_terms_at(Terms::new(0.5, 0.0, 30), after(Duration::from_secs(60)));
    budget.deposit();
    assert_eq!(budget.available_at(after(Duration::from_secs(60))), 3 * TOKEN + TOKEN / 2);
}

#[test]
fn a_share_is_what_is_written() {
    // In binary each of them lies a little below.
    for (ratio, units) in [(0.0157, 15_700_000), (0.000_13, 130_000), (0.000_065, 65_000)] {
        assert_eq!(Terms::new(ratio, ratio, 1), Terms { deposit: units, per_second: units, capacity: TOKEN });
    }
}

#[test]
fn rt_13_each_token_is_given_once() {
    let budget = SharedBudget::new(Terms::new(0.1, 0.0, 1_000));
    let granted: usize = std::thread::scope(|scope| {
        let hammer = || (0..100_000).filter(|_| budget.try_withdraw_at(START)).count();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(hammer)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(granted, 1_000);
}

#[test]
fn time_is_handed_out_once_among_threads() {
    let budget = drained(Terms::new(0.0, 1_000.0, 1_000_000));
    let granted: u64 = std::thread::scope(|scope| {
        let hammer = || {
            let times = (1..=50_000).map(|step: u32| after(step * Duration::from_micros(20)));
            times.filter(|&now| budget.try_withdraw_at(now)).count() as u64
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(hammer)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let left = withdrawals(&budget, after(Duration::from_secs(1)));
    // A share is rounded down by less than a billionth; here none is.
    assert_eq!(granted + left, 1_000);
}

/// Shares in hundredths, so that the reference can reckon in whole numbers.
fn percent() -> impl Strategy<Value = u32> {
    prop_oneof![1..=99_u32, Just(60), Just(150)]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Deposit,
    Withdraw,
    GiveBack,
    Pass(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Deposit),
        4 => Just(Step::Withdraw),
        1 => Just(Step::GiveBack),
        1 => (0..2_000_u32).prop_map(Step::Pass),
    ]
}

proptest! {
    /// The promise of the docs: however calls and repeats come, there are never more repeats than the
    /// share of the calls, the share of the time, and what was saved up before.
    #[test]
    fn repeats_stay_within_the_budget(
        percent in percent(),
        per_second in 0..5_u32,
        capacity in 5..40_u32,
        steps in prop::collection::vec(step(), 1..600),
    ) {
        let terms = Terms::new(f64::from(percent) / 100.0, per_second.into(), capacity);
        let budget = SharedBudget::new(terms);
        // The first withdrawal claims the time before; a full budget has no room for it.
        let mut now = START;
        let (mut deposits, mut repeats) = (0_u64, 0_u64);
        for step in steps {
            match step {
                Step::Deposit => {
                    deposits += 1;
                    budget.deposit();
                }
                Step::Withdraw => repeats += u64::from(budget.try_withdraw_at(now)),
                Step::GiveBack if repeats > 0 => {
                    repeats -= 1;
                    budget.give_back();
                }
                Step::GiveBack => {}
                Step::Pass(millis) => now = now.saturating_add(Duration::from_millis(millis.into())),
            }
            let elapsed = now.saturating_since(START).as_millis() as u64;
            let from_calls = u64::from(percent) * deposits * 10;
            let from_time = u64::from(per_second) * elapsed;
            prop_assert!(repeats <= u64::from(capacity) + (from_calls + from_time) / 1_000);
            if per_second == 0 {
                prop_assert!(repeats <= u64::from(capacity) + u64::from(percent) * deposits / 100);
            }
        }
    }

    /// And no fewer: tower's budget rounds, so that 60 % behave as 100 %.
    #[test]
    fn every_share_is_exact(percent in percent(), deposits in 0..3_000_u64) {
        let budget = drained(Terms::new(f64::from(percent) / 100.0, 0.0, 5_000));
        (0..deposits).for_each(|_| budget.deposit());
        prop_assert_eq!(withdrawals(&budget, START), u64::from(percent) * deposits / 100);
    }
}
