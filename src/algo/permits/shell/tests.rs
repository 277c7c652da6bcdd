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
