use std::task::Wake;
use std::time::Duration;

use super::*;
use crate::sync::Arc;

const INTERVAL: u64 = 100_000_000;
const ONE: NonZeroU32 = NonZeroU32::MIN;
const TWO: NonZeroU32 = ONE.saturating_add(1);

fn at(millis: u64) -> Instant {
    Instant::from_nanos(0).saturating_add(Duration::from_millis(millis))
}

fn until(millis: u64) -> Refusal {
    Refusal::Until(at(millis))
}

#[derive(Debug, Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Woken {
    fn times(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A call in the line, and how often it is woken.
struct Waiting {
    spot: Spot,
    woken: Arc<Woken>,
}

impl Waiting {
    fn look(&mut self, line: &Line<&str>, millis: u64) -> Look {
        let waker = Waker::from(Arc::clone(&self.woken));
        line.look(&mut self.spot, at(millis), &waker, || false)
    }
}

/// One cell per 100 ms, up to two of them. None is left at 0.
fn used_up() -> Line<&'static str> {
    let line = Line::new("usual", Rate::new(INTERVAL, 2).unwrap());
    assert_eq!([(); 3].map(|()| line.take(at(0), ONE)), [Ok(()), Ok(()), Err(until(100))]);
    line
}

fn enter(line: &Line<&str>, now: u64, cost: NonZeroU32, latest: u64) -> Waiting {
    match line.enter(at(now), cost, at(latest), true) {
        Ok(Entered::Waits(spot)) => Waiting { spot, woken: Arc::default() },
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_cannot_have_its_cell_in_time_does_not_wait() {
    let line = used_up();
    assert_eq!(line.enter(at(0), ONE, at(99), true).unwrap_err(), until(100));
    assert!(matches!(line.enter(at(0), ONE, at(100), false), Ok(Entered::WouldWait)));
    assert_eq!((line.waiting(), line.ahead()), (0, 0));
    let waiting = enter(&line, 0, ONE, 100);
    assert_eq!((line.waiting(), line.ahead()), (1, 1));
    let spot = &waiting.spot;
    assert_eq!((spot.is_open(), spot.cost(), spot.since()), (true, 1, at(0)));
    assert!(
        matches!(line.enter(at(300), ONE, at(300), true), Ok(Entered::Admitted)),
        "there is one more by then"
    );
}

#[test]
fn what_costs_more_than_the_burst_never_waits() {
    let line = used_up();
    let three = TWO.saturating_add(1);
    assert_eq!(line.enter(at(0), three, at(9_999), true).unwrap_err(), Refusal::AboveBurst);
    let _waiting = enter(&line, 0, ONE, 100);
    assert_eq!(line.take(at(0), three), Err(Refusal::AboveBurst));
}

#[test]
fn a_newcomer_is_behind_those_who_wait() {
    let line = used_up();
    let first = enter(&line, 0, TWO, 200);
    assert_eq!((line.ahead(), first.spot.cost()), (2, 2));
    assert_eq!(line.take(at(250), ONE), Err(until(300)));
    assert_eq!(line.take(at(300), ONE), Ok(()));
}

#[test]
fn each_is_admitted_at_its_turn_and_leaves_the_line() {
    let line = used_up();
    let (mut first, mut second) = (enter(&line, 0, ONE, 500), enter(&line, 0, ONE, 500));
    assert_eq!((first.look(&line, 99), second.look(&line, 99)), (Look::At(at(100)), Look::At(at(200))));
    assert_eq!(second.look(&line, 100), Look::At(at(200)), "it is not the first");
    assert_eq!(first.look(&line, 100), Look::Admitted);
    assert!(!first.spot.is_open());
    assert_eq!((first.woken.times(), second.woken.times(), line.waiting()), (0, 1, 1));
    assert_eq!(second.look(&line, 200), Look::Admitted);
    assert_eq!((line.waiting(), line.take(at(200), ONE)), (0, Err(until(300))));
}

#[test]
fn who_gives_up_makes_room_and_wakes_the_next() {
    let line = used_up();
    let (mut first, mut second) = (enter(&line, 0, ONE, 500), enter(&line, 0, ONE, 500));
    assert_eq!(second.look(&line, 0), Look::At(at(200)));
    line.leave(&mut first.spot);
    assert_eq!((first.spot.is_open(), second.woken.times(), line.waiting()), (false, 1, 1));
    assert_eq!(second.look(&line, 0), Look::At(at(100)));
    assert_eq!(second.look(&line, 100), Look::Admitted);
}

#[test]
fn who_is_not_there_at_its_turn_holds_up_nobody() {
    let line = used_up();
    let (_first, mut second) = (enter(&line, 0, ONE, 500), enter(&line, 0, ONE, 500));
    assert_eq!(second.look(&line, 199), Look::At(at(200)));
    assert_eq!(second.look(&line, 200), Look::Admitted);
    assert_eq!((line.waiting(), line.ahead()), (1, 0), "it wants nothing until it shows up");
}

#[test]
fn who_is_due_does_not_wait_for_one_ahead_who_is_a_little_late() {
    let line = Line::new("quick", Rate::new(INTERVAL / 10, 1).unwrap());
    assert_eq!(line.take(at(0), ONE), Ok(()));
    let (mut first, mut second) = (enter(&line, 0, ONE, 500), enter(&line, 0, ONE, 500));
    assert_eq!(second.look(&line, 20), Look::Admitted);
    assert_eq!((line.ahead(), first.look(&line, 20)), (1, Look::Admitted), "its cell was kept for it");
}

#[test]
fn another_quota_wakes_the_first_which_may_come_too_late() {
    let line = used_up();
    let mut first = enter(&line, 0, ONE, 500);
    assert_eq!(first.look(&line, 0), Look::At(at(100)));
    let slow = Rate::new(10 * INTERVAL, 2).unwrap();
    line.set_quota("slow", slow, at(0));
    assert_eq!((line.quota(), line.terms(), line.read().0), ("slow", ("slow", slow), slow));
    assert_eq!(first.woken.times(), 1);
    assert_eq!(first.look(&line, 0), Look::Refused(until(1_000)));
    assert_eq!((line.waiting(), first.spot.is_open()), (0, false));
}

/// Whoever is first may be a future that nobody has polled yet.
#[test]
fn another_quota_reaches_those_behind_one_who_was_never_polled() {
    let line = used_up();
    let (_first, mut second) = (enter(&line, 0, ONE, 500), enter(&line, 0, ONE, 500));
    assert_eq!(second.look(&line, 0), Look::At(at(200)));
    line.set_quota("quick", Rate::new(INTERVAL / 10, 2).unwrap(), at(0));
    assert_eq!(second.woken.times(), 1);
    assert_eq!(second.look(&line, 0), Look::At(at(20)));
    assert_eq!(second.look(&line, 20), Look::Admitted);
}

#[test]
fn by_another_quota_it_may_be_ones_turn_already_or_never() {
    let line = used_up();
    let (mut one, mut two) = (enter(&line, 0, ONE, 900), enter(&line, 0, TWO, 900));
    assert_eq!((one.look(&line, 0), two.look(&line, 0)), (Look::At(at(100)), Look::At(at(300))));
    line.set_quota("of one", Rate::new(INTERVAL, 1).unwrap(), at(0));
    assert_eq!(two.look(&line, 0), Look::At(at(300)), "told when its turn would have come");
    line.set_quota("quick", Rate::new(1, 2).unwrap(), at(0));
    assert_eq!(two.look(&line, 90), Look::Admitted);
    assert_eq!(one.look(&line, 90), Look::Admitted);
}

#[test]
fn all_are_woken_to_look_whether_they_pass_and_then_take_no_cell() {
    let line = used_up();
    let mut both = [(); 2].map(|()| enter(&line, 0, ONE, 500));
    for waiting in &mut both {
        let _ = waiting.look(&line, 0);
    }
    line.wake_all();
    assert_eq!(both.each_ref().map(|waiting| waiting.woken.times()), [1, 1]);
    for waiting in &mut both {
        assert_eq!(line.look(&mut waiting.spot, at(0), Waker::noop(), || true), Look::Admitted);
    }
    assert_eq!((line.waiting(), line.take(at(100), ONE)), (0, Ok(())));
}
