//! Who waits for cells. Time stands still for each thread, so nobody is woken by a timer: who would need one to be
//! admitted makes a deadlock, as who is never woken does.

use super::{ONE, START, rate};
use crate::algo::gcra::{Entered, Line, Look, Rate, Refusal, Spot};
use crate::model::{Model, Shared, Twin, join, spawn, wait_for};
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "rate limit that waits: a newcomer against whose turn it is",
        threads: 2,
        check: a_newcomer_against_whose_turn_it_is,
        twins: &[Twin { bug: "a newcomer does not look who waits", fails_with: "the newcomer came first" }],
    },
    Model {
        name: "rate limit that waits: two waiters, one cell",
        threads: 2,
        check: two_waiters_one_cell,
        twins: &[Twin { bug: "who comes late counts nobody ahead", fails_with: "out of order" }],
    },
    Model {
        name: "rate limit that waits: the head goes against its turn",
        threads: 2,
        check: the_head_goes_against_its_turn,
        twins: &[
            Twin { bug: "who waits looks before it registers", fails_with: "deadlock" },
            Twin { bug: "who goes wakes nobody", fails_with: "deadlock" },
        ],
    },
    Model {
        name: "rate limit that waits: one is admitted, the next goes, the last is woken",
        threads: 3,
        check: one_is_admitted_the_next_goes,
        twins: &[Twin { bug: "who goes wakes nobody", fails_with: "deadlock" }],
    },
    Model {
        name: "rate limit that waits: another quota",
        threads: 2,
        check: another_quota,
        twins: &[
            Twin { bug: "another quota wakes nobody", fails_with: "deadlock" },
            Twin { bug: "who waits looks before it registers", fails_with: "deadlock" },
        ],
    },
    Model {
        name: "rate limit that waits: a mode that lets all pass",
        threads: 2,
        check: a_mode_that_lets_all_pass,
        twins: &[Twin { bug: "the mode is looked at first", fails_with: "deadlock" }],
    },
    Model {
        name: "rate limit that waits: one goes while another comes",
        threads: 2,
        check: one_goes_while_another_comes,
        twins: &[Twin { bug: "who waits is counted outside of the lock", fails_with: "not as many as wait" }],
    },
];

/// Its quota is the rate, so that both can be compared.
pub(crate) type Limit = Line<Rate>;

fn instant(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// A limit of one cell, which is taken, and so many who wait.
pub(crate) fn full(interval: u64, waiters: usize) -> (Shared<Limit>, Vec<Spot>) {
    let line = Line::new(rate(interval, 1), rate(interval, 1));
    line.take(START, ONE).expect("nothing is used");
    let spots = (0..waiters).map(|_| enter(&line)).collect();
    (Shared::new(line), spots)
}

fn enter(line: &Limit) -> Spot {
    match line.enter(START, ONE, Instant::NEVER, true) {
        Ok(Entered::Waits(spot)) => spot,
        other => panic!("{other:?}"),
    }
}

/// Until it is admitted; it always looks as of then.
fn wait(line: &Limit, spot: &mut Spot, now: Instant) {
    wait_for(|waker| match line.look(spot, now, waker, || false) {
        Look::Admitted => Some(()),
        Look::At(_) => None,
        Look::Refused(refusal) => panic!("{refusal:?}"),
    });
}

fn look(line: &Limit, spot: &mut Spot, now: Instant) -> Look {
    line.look(spot, now, std::task::Waker::noop(), || false)
}

/// The cell is for who waits, whoever asks first.
fn a_newcomer_against_whose_turn_it_is() {
    let (line, mut spots) = full(10, 1);
    let other = spawn(0, &line, |line| line.take(instant(10), ONE));
    let seen = look(&line, &mut spots[0], instant(10));
    assert_eq!(
        (seen, join(other)),
        (Look::Admitted, Err(Refusal::Until(instant(20)))),
        "the newcomer came first"
    );
    assert_eq!((line.waiting(), line.ahead(), line.read().1), (0, 0, 20));
}

/// Both were told an earlier turn than they have now, and one cell is free: it is for the first.
fn two_waiters_one_cell() {
    let (line, mut spots) = full(10, 2);
    line.set_quota(rate(100, 1), rate(100, 1), START);
    let mut last = spots.pop().expect("two of them");
    let other = spawn(0, &line, move |line| (look(line, &mut last, instant(100)), last));
    let first = look(&line, &mut spots[0], instant(100));
    let (second, mut last) = join(other);
    assert_eq!((first, second), (Look::Admitted, Look::At(instant(200))), "out of order");
    assert_eq!(look(&line, &mut last, instant(200)), Look::Admitted, "one was lost");
    assert_eq!((line.waiting(), line.ahead(), line.read().1), (0, 0, 300));
}

/// Whether or not the head has gone when the next looks, that one gets the cell.
fn the_head_goes_against_its_turn() {
    let (line, mut spots) = full(10, 2);
    let mut last = spots.pop().expect("two of them");
    let other = spawn(0, &line, move |line| wait(line, &mut last, instant(10)));
    line.leave(&mut spots[0]);
    join(other);
    assert_eq!((line.waiting(), line.ahead(), line.read().1), (0, 0, 20), "one was lost");
}

/// Whoever of the two before it leaves last wakes the last one.
fn one_is_admitted_the_next_goes() {
    let (line, mut spots) = full(10, 3);
    let mut last = spots.pop().expect("three of them");
    let mut next = spots.pop().expect("three of them");
    let waits = spawn(0, &line, move |line| wait(line, &mut last, instant(20)));
    let goes = spawn(1, &line, move |line| line.leave(&mut next));
    assert_eq!(look(&line, &mut spots[0], instant(10)), Look::Admitted, "out of order");
    join(goes);
    join(waits);
    assert_eq!((line.waiting(), line.ahead(), line.read().1), (0, 0, 30), "one was lost");
}

/// Who would have waited for long is admitted by the new quota, and quota and rate are of one change.
fn another_quota() {
    let (line, mut spots) = full(1_000, 1);
    let other = spawn(0, &line, |line| line.set_quota(rate(10, 1), rate(10, 1), START));
    wait(&line, &mut spots[0], instant(10));
    join(other);
    let (quota, in_force) = line.terms();
    assert_eq!((quota, in_force), (rate(10, 1), rate(10, 1)));
    assert_eq!((line.waiting(), line.ahead(), line.read().1), (0, 0, 20), "one was lost");
}

/// Who waits is woken by it, and takes no cell.
fn a_mode_that_lets_all_pass() {
    let (line, mut spots) = full(10, 1);
    let is_dry = Shared::new(AtomicU64::new(0));
    let mode = Shared::clone(&is_dry);
    let other = spawn(0, &line, move |line| {
        mode.store(1, Relaxed);
        line.wake_all();
    });
    let passes = || is_dry.load(Relaxed) == 1;
    wait_for(|waker| (line.look(&mut spots[0], START, waker, passes) == Look::Admitted).then_some(()));
    join(other);
    assert_eq!((line.waiting(), line.ahead(), line.read().1), (0, 0, 10), "a cell was taken");
}

/// As many are counted as wait, and the cells of nobody else.
fn one_goes_while_another_comes() {
    let (line, mut spots) = full(10, 1);
    let mut gone = spots.remove(0);
    let other = spawn(0, &line, move |line| line.leave(&mut gone));
    let mut spot = enter(&line);
    join(other);
    assert_eq!((line.waiting(), line.ahead()), (1, 1), "not as many as wait");
    line.leave(&mut spot);
    assert_eq!((line.waiting(), line.ahead()), (0, 0), "not as many as wait");
    assert_eq!(line.take(instant(10), ONE), Ok(()), "one was lost");
}
