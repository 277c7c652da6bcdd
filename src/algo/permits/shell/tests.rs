use std::sync::atomic::AtomicU64 as Count;
use std::task::{Wake, Waker};
use std::thread;

use super::*;
use crate::sync::Arc;

/// Wakes a thread.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn waits(permits: &Permits) -> Option<Place> {
    match permits.enter() {
        Entered::Waits(place) => Some(place),
        other => panic!("{other:?}"),
    }
}

fn noop() -> &'static Waker {
    Waker::noop()
}

#[test]
fn a_released_permit_goes_to_the_first_in_the_queue() {
    let permits = Permits::new(1, 2);
    assert_eq!(permits.in_flight(), 0);
    assert!(permits.try_enter());
    let [mut a, mut b] = [waits(&permits), waits(&permits)];
    assert!(matches!(permits.enter(), Entered::Refused));
    assert!(permits.is_queue_full());
    permits.complete();
    assert!(!permits.try_enter(), "a newcomer passed a waiter");
    assert_eq!((permits.poll(&mut a, noop()), permits.poll(&mut b, noop())), (true, false));
    permits.cancel();
    assert!(permits.poll(&mut b, noop()));
    let totals = permits.totals();
    assert_eq!((totals.in_flight, totals.waiting, totals.admitted, totals.cancelled), (1, 0, 3, 1));
    assert_eq!(permits.in_flight(), 1);
}

#[test]
fn who_leaves_the_queue_is_not_called_and_who_was_called_is_told() {
    let permits = Permits::new(1, 3);
    assert!(permits.try_enter());
    let [a, b, mut c] = [waits(&permits), waits(&permits), waits(&permits)];
    assert_eq!(permits.leave_queue(a.unwrap()), Left::Nothing);
    permits.complete();
    assert_eq!(permits.leave_queue(b.unwrap()), Left::Permit);
    assert!(!permits.poll(&mut c, noop()));
    permits.cancel();
    assert!(permits.poll(&mut c, noop()));
}

#[test]
fn the_limit_moves_up_and_down() {
    let permits = Permits::new(2, 4);
    assert!(permits.try_enter() && permits.try_enter());
    let [mut a, mut b, mut c] = [waits(&permits), waits(&permits), waits(&permits)];
    permits.set_limit(4);
    let called = [&mut a, &mut b, &mut c].map(|place| permits.poll(place, noop()));
    assert_eq!(called, [true, true, false]);
    permits.set_limit(1);
    for in_flight in [3, 2, 1] {
        permits.complete();
        assert_eq!((permits.totals().in_flight, permits.poll(&mut c, noop())), (in_flight, false));
    }
    permits.complete();
    assert!(permits.poll(&mut c, noop()));
}

#[test]
fn tallies_outgrow_the_word() {
    let permits = Permits::new(3, 0);
    const CALLS: u64 = 600_000;
    for number in 0..CALLS {
        assert!(permits.try_enter());
        if number % 10 == 0 { permits.cancel() } else { permits.complete() }
    }
    let totals = permits.totals();
    assert_eq!((totals.admitted, totals.cancelled, totals.in_flight), (CALLS, CALLS / 10, 0));
}

/// Threads that come, wait, give up, hold and release, while the limit moves: never above the limit,
/// nobody forgotten, nothing left behind.
#[test]
fn threads_share_the_permits() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 5_000;
    let permits = Permits::new(2, 2);
    let (inside, peak) = (Count::new(0), Count::new(0));
    let [held, gave_up] = [Count::new(0), Count::new(0)];
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (permits, inside, peak, held, gave_up) = (&permits, &inside, &peak, &held, &gave_up);
            scope.spawn(move || {
                let waker = Waker::from(Arc::new(Unpark(thread::current())));
                for round in 0..ROUNDS {
                    match permits.enter() {
                        Entered::Refused => continue,
                        Entered::Admitted => {}
                        Entered::Waits(place) if (round + seed) % 3 == 0 => {
                            if permits.leave_queue(place) == Left::Permit {
                                held.fetch_add(1, Relaxed);
                                permits.cancel();
                            } else {
                                gave_up.fetch_add(1, Relaxed);
                            }
                            continue;
                        }
                        Entered::Waits(place) => {
                            let mut place = Some(place);
                            while !permits.poll(&mut place, &waker) {
                                thread::park();
                            }
                        }
                    }
                    peak.fetch_max(inside.fetch_add(1, Relaxed) + 1, Relaxed);
                    held.fetch_add(1, Relaxed);
                    thread::yield_now();
                    inside.fetch_sub(1, Relaxed);
                    if round % 7 == 0 {
                        permits.cancel()
                    } else {
                        permits.complete()
                    }
                    if round % 64 == 0 {
                        permits.set_limit(1 + u32::try_from(round / 64 % 2).unwrap());
                    }
                }
            });
        }
    });
    let totals = permits.totals();
    assert_eq!((totals.in_flight, totals.waiting), (0, 0));
    assert_eq!(totals.admitted, held.load(Relaxed));
    assert!((1..=2).contains(&peak.load(Relaxed)), "{peak:?}");
}

#[test]
fn a_fork_has_the_same_settings_and_nothing_in_use() {
    let permits = Permits::new(1, 3);
    assert!(!permits.is_full() && permits.try_enter() && permits.is_full());
    assert!(matches!(permits.enter(), Entered::Waits(_)));
    let fork = permits.fork();
    assert_eq!((fork.limit(), fork.queue_len(), fork.is_full()), (1, 3, false));
    let none = Totals { in_flight: 0, waiting: 0, admitted: 0, cancelled: 0 };
    assert_eq!(fork.totals(), none);
}

#[test]
fn a_shorter_queue_keeps_those_who_are_in_it() {
    let permits = Permits::new(1, 2);
    assert!(permits.try_enter() && !permits.is_queue_full());
    let [mut a, mut b] = [waits(&permits), waits(&permits)];
    permits.set_queue_len(1);
    assert_eq!((permits.queue_len(), permits.totals().waiting), (1, 2));
    permits.complete();
    assert!(permits.poll(&mut a, noop()));
    assert!(permits.is_queue_full() && matches!(permits.enter(), Entered::Refused), "one waits");
    permits.set_limit(2);
    assert!(permits.poll(&mut b, noop()));
    assert!(permits.is_full() && !permits.is_queue_full());
}

#[test]
fn who_finds_room_under_the_lock_does_not_wait_for_it() {
    let permits = Permits::new(1, 1);
    for _ in 0..200 {
        assert!(permits.try_enter());
        thread::scope(|scope| {
            let locked = lock(&permits.waiting);
            let entering = scope.spawn(|| permits.enter());
            // Most of the time it has found no room by now, and waits for the lock.
            (0..20).for_each(|_| thread::yield_now());
            permits.complete();
            drop(locked);
            assert!(matches!(entering.join().unwrap(), Entered::Admitted));
        });
        permits.complete();
    }
}

/// Counts how often it was woken.
struct Wakes(Count);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn who_is_called_is_woken_and_all_can_be() {
    let permits = Permits::new(1, 2);
    assert!(permits.try_enter());
    let wakes = [(); 2].map(|()| Arc::new(Wakes(Count::new(0))));
    let [mut a, mut b] = [waits(&permits), waits(&permits)];
    let look =
        |place: &mut Option<Place>, of: usize| permits.poll(place, &Waker::from(Arc::clone(&wakes[of])));
    let woken = || [&wakes[0], &wakes[1]].map(|wakes| wakes.0.load(Relaxed));
    assert!(!look(&mut a, 0) && !look(&mut b, 1));
    permits.wake_all();
    assert_eq!(woken(), [1, 1]);
    permits.wake_all();
    assert_eq!(woken(), [1, 1], "each waker is used once");
    assert!(!look(&mut a, 0) && !look(&mut b, 1));
    permits.complete();
    assert_eq!(woken(), [2, 1], "the first alone");
    assert!(look(&mut a, 0) && a.is_none());
    permits.cancel();
    assert_eq!(woken(), [2, 2]);
    assert!(look(&mut b, 1));
}

#[test]
fn a_full_tally_is_taken_wherever_it_is_met() {
    const FULL: u64 = u64::MAX >> 46;
    let permits = Permits::new(1, 1);
    let fill = || permits.word.store(permits.load().bits() | FULL << 46, Relaxed);
    fill();
    assert!(permits.try_enter());
    assert_eq!(permits.totals().admitted, FULL + 1);
    fill();
    let mut place = waits(&permits);
    assert_eq!(permits.totals().admitted, 2 * FULL);
    fill();
    permits.cancel();
    assert!(permits.poll(&mut place, noop()));
    assert_eq!((permits.totals().admitted, permits.totals().cancelled), (3 * FULL + 1, 1));
    let mut place = waits(&permits);
    fill();
    permits.complete();
    assert!(permits.poll(&mut place, noop()));
    assert_eq!((permits.totals().admitted, permits.totals().in_flight), (4 * FULL + 1, 1));
}

#[test]
fn who_comes_second_finds_the_tallies_taken() {
    let permits = Permits::new(2, 0);
    assert!(permits.try_enter());
    let word = permits.load();
    assert_eq!(permits.take_tallies(), word);
    assert_eq!(permits.load(), word);
}
