//! When the turn of a call comes that waits.

use super::*;

#[test]
fn everyone_ahead_counts() {
    let rate = rate(100 * MS, 1);
    let state = at(100 * MS).as_nanos();
    for ahead in 0..5 {
        let due = at((ahead + 1) * 100 * MS);
        assert_eq!(rate.turn(state, ahead, at(0), at(0), 1), Turn::At(due));
        assert!(matches!(rate.turn(state, ahead, at(0), due, 1), Turn::Now { .. }));
    }
}

#[test]
fn who_wakes_late_is_admitted_as_of_its_turn() {
    let rate = rate(100 * MS, 1);
    let state = at(100 * MS).as_nanos();
    assert_eq!(rate.turn(state, 0, at(0), at(130 * MS), 1), Turn::Now { as_of: at(100 * MS) });
}

#[test]
fn who_wakes_far_too_late_is_not_sent_along_with_all_the_others() {
    assert!(!rate(100 * MS, 1).has_missed(at(100 * MS).as_nanos(), 0, at(200 * MS - 1), 1));
    assert!(rate(100 * MS, 1).has_missed(at(100 * MS).as_nanos(), 0, at(200 * MS), 1));
    // Slow rates: one interval is made good for, not more.
    let slow = rate(100 * MS, 1);
    let state = at(100 * MS).as_nanos();
    assert_eq!(slow.turn(state, 0, at(0), at(10_000 * MS), 1), Turn::Now { as_of: at(9_900 * MS) });
    // Fast rates: as much as a busy runtime may be late.
    let fast = rate(MS, 1);
    assert_eq!(fast.turn(state, 0, at(0), at(10_000 * MS), 1), Turn::Now { as_of: at(9_950 * MS) });
}

#[test]
fn nobody_is_admitted_as_of_a_time_before_it_came() {
    let rate = rate(100 * MS, 1);
    assert_eq!(rate.turn(0, 0, at(40 * MS), at(60 * MS), 1), Turn::Now { as_of: at(40 * MS) });
}
