#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

use super::{Entered, Left, Permits};
use crate::algo::queue::Place;
use crate::model::{Model, Shared, Twin, join, spawn, wait_for};
use crate::sync::{AtomicU64, Ordering::Relaxed};

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "permits: a release against a waiter that goes",
        threads: 2,
        check: a_release_against_a_waiter_that_goes,
        twins: &[Twin { bug: "who was called leaves with the permit", fails_with: "a permit leaked" }],
    },
    Model {
        name: "permits: a release against a newcomer that waits",
        threads: 2,
        check: a_release_against_a_newcomer,
        twins: &[
            Twin { bug: "a step that does not compare", fails_with: "deadlock" },
            Twin { bug: "a release that looks before it leaps", fails_with: "deadlock" },
        ],
    },
    Model {
        name: "permits: a release against a lower limit",
        threads: 2,
        check: a_release_against_a_lower_limit,
        twins: &[Twin { bug: "a permit is handed on whatever the limit", fails_with: "above the limit" }],
    },
    Model {
        name: "permits: a release against a limit that goes down and up",
        threads: 2,
        check: a_release_against_a_limit_that_goes_down_and_up,
        twins: &[Twin { bug: "a higher limit calls nobody", fails_with: "deadlock" }],
    },
    Model {
        name: "permits: the head of the queue goes against a release",
        threads: 3,
        check: the_head_of_the_queue_goes,
        twins: &[Twin { bug: "a cancelled permit is handed to nobody", fails_with: "deadlock" }],
    },
    Model {
        name: "permits: three calls, two permits",
        threads: 3,
        check: three_calls_two_permits,
        twins: &[Twin { bug: "a step that does not compare", fails_with: "more than two" }],
    },
    Model {
        name: "permits: who enters sees what the former holder did",
        threads: 2,
        check: who_enters_sees_what_the_former_holder_did,
        twins: &[
            Twin { bug: "relaxed: try_enter", fails_with: "not seen by who entered" },
            Twin { bug: "relaxed: enter", fails_with: "not seen by who entered under the lock" },
            Twin { bug: "relaxed: complete", fails_with: "not seen by who entered" },
            Twin { bug: "relaxed: cancel", fails_with: "not seen by who entered" },
        ],
    },
    Model {
        name: "permits: who is called sees what the former holder did",
        threads: 3,
        check: who_is_called_sees_what_the_former_holder_did,
        twins: &[Twin { bug: "relaxed: call_next", fails_with: "not seen by who was called" }],
    },
    Model {
        name: "permits: who finds nothing in flight sees what the last holder did",
        threads: 2,
        check: who_finds_nothing_in_flight_sees_what_the_last_holder_did,
        twins: &[Twin { bug: "relaxed: totals", fails_with: "not seen by who looked" }],
    },
    Model {
        name: "permits: a snapshot against tallies that are taken",
        threads: 2,
        check: a_snapshot_against_full_tallies,
        twins: &[Twin { bug: "a snapshot that looks before it locks", fails_with: "counted twice" }],
    },
];

/// So many permits that all are held, and so many who wait for one.
fn full(limit: u32, waiters: usize) -> (Shared<Permits>, Vec<Place>) {
    let permits = Permits::new(limit, 4);
    (0..limit).for_each(|_| assert!(permits.try_enter()));
    let wait = || match permits.enter() {
        Entered::Waits(place) => place,
        other => panic!("{other:?}"),
    };
    let places = (0..waiters).map(|_| wait()).collect();
    (Shared::new(permits), places)
}

fn wait(permits: &Permits, place: Place) {
    let mut place = Some(place);
    wait_for(|waker| permits.poll(&mut place, waker).then_some(()));
}

fn give_up(permits: &Permits, place: Place) {
    if permits.leave_queue(place) == Left::Permit {
        permits.cancel();
    }
}

fn numbers(permits: &Permits) -> (u64, u64) {
    let totals = permits.totals();
    (totals.in_flight, totals.waiting)
}

/// Whoever was faster, afterwards nobody holds a permit and nobody waits.
fn a_release_against_a_waiter_that_goes() {
    let (permits, mut places) = full(1, 1);
    let place = places.remove(0);
    let other = spawn(0, &permits, move |permits| give_up(permits, place));
    permits.complete();
    join(other);
    assert_eq!(numbers(&permits), (0, 0), "a permit leaked");
    assert!(permits.try_enter(), "a permit leaked");
}

/// The newcomer finds room, or is woken.
fn a_release_against_a_newcomer() {
    let (permits, _) = full(1, 0);
    let other = spawn(0, &permits, |permits| match permits.enter() {
        Entered::Waits(place) => wait(permits, place),
        Entered::Admitted => {}
        Entered::Refused => panic!("the queue has room"),
    });
    permits.complete();
    join(other);
    assert_eq!(numbers(&permits), (1, 0));
}

/// With the limit lowered first, a permit that comes back is not handed on; and with the next one it is.
fn a_release_against_a_lower_limit() {
    let (permits, mut places) = full(2, 1);
    let mut place = places.pop();
    let is_lower = Shared::new(AtomicU64::new(0));
    let flag = Shared::clone(&is_lower);
    let other = spawn(0, &permits, move |permits| {
        permits.set_limit(1);
        flag.store(1, crate::sync::Ordering::Release);
    });
    let was_lower = is_lower.load(crate::sync::Ordering::Acquire) == 1;
    permits.complete();
    join(other);
    let (in_flight, waiting) = numbers(&permits);
    assert_eq!(in_flight + waiting, 2);
    assert!(!was_lower || in_flight == 1, "above the limit");
    permits.complete();
    assert_eq!(numbers(&permits), (1, 0));
    assert!(permits.poll(&mut place, std::task::Waker::noop()));
    assert!(!permits.try_enter());
}

/// Whoever waits has room in the end, and is told of it.
fn a_release_against_a_limit_that_goes_down_and_up() {
    let (permits, mut places) = full(2, 1);
    let other = spawn(0, &permits, |permits| {
        permits.set_limit(1);
        permits.set_limit(2);
    });
    permits.complete();
    wait(&permits, places.remove(0));
    join(other);
    assert_eq!(numbers(&permits), (2, 0));
}

/// The next one is called, whether the head was called before it went or not.
fn the_head_of_the_queue_goes() {
    let (permits, mut places) = full(1, 2);
    let (head, next) = (places.remove(0), places.remove(0));
    let leaving = spawn(0, &permits, move |permits| give_up(permits, head));
    let releasing = spawn(1, &permits, Permits::complete);
    wait(&permits, next);
    join(leaving);
    join(releasing);
    assert_eq!(numbers(&permits), (1, 0));
}

/// Never more in flight than the limit.
fn three_calls_two_permits() {
    let permits = Shared::new(Permits::new(2, 0));
    let others = [0, 1].map(|slot| spawn(slot, &permits, Permits::try_enter));
    let admitted = [permits.try_enter()].into_iter().chain(others.map(join)).filter(|is| *is).count();
    assert!(admitted <= 2, "more than two");
    assert_eq!((admitted, numbers(&permits)), (2, (2, 0)));
}

/// A permit is handed from one to the next like a lock.
fn who_enters_sees_what_the_former_holder_did() {
    for by_cancelling in [false, true] {
        let (permits, _) = full(1, 0);
        let done = Shared::new(AtomicU64::new(0));
        let seen = Shared::clone(&done);
        let next = spawn(0, &permits, move |permits| {
            if permits.try_enter() {
                assert_eq!(seen.load(Relaxed), 1, "not seen by who entered");
            } else if matches!(permits.enter(), Entered::Admitted) {
                assert_eq!(seen.load(Relaxed), 1, "not seen by who entered under the lock");
            }
        });
        done.store(1, Relaxed);
        if by_cancelling {
            permits.cancel()
        } else {
            permits.complete()
        }
        join(next);
    }
}

/// Also if a third one hands the permit over.
fn who_is_called_sees_what_the_former_holder_did() {
    let (permits, mut places) = full(1, 1);
    let done = Shared::new(AtomicU64::new(0));
    let seen = Shared::clone(&done);
    let releasing = spawn(0, &permits, move |permits| {
        done.store(1, Relaxed);
        permits.complete();
    });
    let calling = spawn(1, &permits, |permits| permits.set_limit(1));
    wait(&permits, places.remove(0));
    assert_eq!(seen.load(Relaxed), 1, "not seen by who was called");
    join(releasing);
    join(calling);
}

/// The bulkhead of a key goes then, with what it counted.
fn who_finds_nothing_in_flight_sees_what_the_last_holder_did() {
    for by_cancelling in [false, true] {
        let (permits, _) = full(1, 0);
        let done = Shared::new(AtomicU64::new(0));
        let written = Shared::clone(&done);
        let last = spawn(0, &permits, move |permits| {
            written.store(1, Relaxed);
            if by_cancelling { permits.cancel() } else { permits.complete() }
        });
        if permits.totals().in_flight == 0 {
            assert_eq!(done.load(Relaxed), 1, "not seen by who looked");
        }
        join(last);
    }
}

/// All numbers are of one moment, also while full tallies move; and none is lost.
fn a_snapshot_against_full_tallies() {
    let permits = Shared::new(Permits::new(2, 0));
    let cancel = |permits: &Permits| {
        assert!(permits.try_enter());
        permits.cancel();
    };
    // One more, and the tally is full.
    (0..2).for_each(|_| cancel(&permits));
    let other = spawn(0, &permits, move |permits| (0..2).for_each(|_| cancel(permits)));
    let totals = permits.totals();
    assert!(totals.cancelled + totals.in_flight <= totals.admitted, "more ended than came: {totals:?}");
    assert!((2..=4).contains(&totals.admitted), "calls lost or counted twice: {totals:?}");
    join(other);
    let totals = permits.totals();
    assert_eq!((totals.admitted, totals.cancelled, totals.in_flight), (4, 4, 0));
}
