//! Limits by key, a bounded number of them.

use super::*;

/// A key of this shard.
fn key(shard: u64, number: u64) -> u64 {
    (shard << 32) | number
}

#[test]
fn keys_that_have_cells_in_use_stay() {
    let table = Table::new(rate(100 * MS, 2));
    let admit = |key, nanos| table.admit(key, at(nanos), cost(1), 4, Overflow::Reject);
    for shard in 0..4 {
        assert_eq!(admit(key(shard, 0), 0), (Ok(()), false));
    }
    // All are in use: the place that is free first is known.
    assert_eq!(admit(key(9, 9), 0), (Err(Refusal::Until(at(100 * MS))), true));
    assert_eq!(table.next_place(), at(100 * MS));
    // One is used again, the others fill up; one of them makes room, in another shard.
    assert_eq!(admit(key(0, 0), 50 * MS), (Ok(()), false));
    assert_eq!(admit(key(9, 9), 100 * MS), (Ok(()), false));
    assert_eq!(table.len(), 4);
    assert_eq!(admit(key(0, 0), 100 * MS), (Ok(()), false));
    assert_eq!(admit(key(0, 0), 100 * MS).0, Err(Refusal::Until(at(200 * MS))), "kept, not reset");
}

/// The time that its first call foretold was still told.
#[test]
fn rl_21_a_key_that_was_used_again_gives_way_later_and_says_so() {
    let table = Table::new(rate(100 * MS, 2));
    let admit = |key, nanos| table.admit(key, at(nanos), cost(1), 1, Overflow::Reject);
    assert_eq!(admit(key(0, 0), 0), (Ok(()), false));
    assert_eq!(admit(key(0, 0), 0), (Ok(()), false));
    assert_eq!(admit(key(9, 9), 0), (Err(Refusal::Until(at(200 * MS))), true));
    assert_eq!(table.read(key(9, 9), at(200 * MS - 1), 1, Overflow::Reject), None);
    assert_eq!(admit(key(9, 9), 200 * MS - 1), (Err(Refusal::Until(at(200 * MS))), true));
    assert!(table.read(key(9, 9), at(200 * MS), 1, Overflow::Reject).is_some());
    assert_eq!(admit(key(9, 9), 200 * MS), (Ok(()), false));
}

/// The first of them to fill up was taken for a place, and the call was refused.
#[test]
fn rl_22_a_table_that_holds_more_than_it_may_has_no_place_until_enough_keys_are_gone() {
    let table = Table::new(rate(100 * MS, 1));
    let admit = |key, nanos, max| table.admit(key, at(nanos), cost(1), max, Overflow::Reject);
    for (number, nanos) in [(0, 0), (1, 50 * MS), (2, 50 * MS)] {
        assert_eq!(admit(key(number, number), nanos, 3), (Ok(()), false));
    }
    assert_eq!(table.read(9, at(100 * MS), 2, Overflow::Reject), None, "one gone, and still full");
    assert_eq!(admit(9, 100 * MS, 2), (Err(Refusal::Until(at(150 * MS))), true));
    assert!(table.read(9, at(150 * MS), 2, Overflow::Reject).is_some());
    assert_eq!(admit(9, 150 * MS, 2), (Ok(()), false));
}

#[test]
fn a_new_key_clears_up_a_little() {
    let table = Table::new(rate(100 * MS, 1));
    let admit = |key, nanos| table.admit(key, at(nanos), cost(1), 150, Overflow::Share).0.unwrap();
    (0..100).for_each(|number| admit(key(5, number), 0));
    assert_eq!(table.len(), 100);
    (100..110).for_each(|number| admit(key(5, number), 100 * MS));
    assert_eq!(table.len(), 90, "two go for each that comes");
    (110..200).for_each(|number| admit(key(5, number), 100 * MS));
    assert_eq!(table.sweep(at(200 * MS - 1)), 0);
    assert_eq!(table.sweep(at(200 * MS)), 100);
    assert_eq!((table.len(), table.next_place()), (0, Instant::NEVER));
}

/// It may come back, and finding its place is cheaper than making one.
#[test]
fn a_key_keeps_its_place_until_the_table_is_half_full() {
    let table = Table::new(rate(100 * MS, 1));
    let admit =
        |number, nanos| table.admit(key(5, number), at(nanos), cost(1), 6, Overflow::Share).0.unwrap();
    (0..3).for_each(|number| admit(number, 0));
    admit(3, 100 * MS);
    assert_eq!(table.len(), 4, "it was half full, and not more");
    admit(4, 100 * MS);
    assert_eq!(table.len(), 3, "two went");
}

#[test]
fn what_was_admitted_and_the_rate_are_told() {
    let table = Table::new(rate(100 * MS, 2));
    let admit = |key| table.admit(key, at(0), cost(1), 2, Overflow::Share).0.is_ok();
    assert_eq!([1, 1, 1, 2, 3, 4, 5].map(admit), [true, true, false, true, true, true, false]);
    assert_eq!((table.admitted(), table.len()), (5, 2));
    assert_eq!(format!("{table:?}"), "Table { len: 2, .. }");
    table.set_rate(rate(MS, 7), at(0));
    assert_eq!(table.rate(), rate(MS, 7));
    // The shared limit is converted too: one of its two cells is in use.
    assert_eq!(
        table.read(9, at(0), 2, Overflow::Share).map(|(rate, state)| rate.remaining(state, at(0))),
        Some(5)
    );
    assert_eq!(table.read(9, at(0), 2, Overflow::Reject), None);
    assert_eq!(table.read(9, at(0), 3, Overflow::Reject), Some((rate(MS, 7), 0)));
}

#[test]
fn refused_costs_take_no_place() {
    let table = Table::new(rate(100 * MS, 1));
    assert_eq!(table.admit(1, at(0), cost(2), 1, Overflow::Share), (Err(Refusal::AboveBurst), false));
    assert_eq!(table.len(), 0);
    table.admit(2, at(0), cost(1), 1, Overflow::Share).0.unwrap();
    assert_eq!(table.admit(1, at(0), cost(2), 1, Overflow::Reject).0, Err(Refusal::AboveBurst));
}
