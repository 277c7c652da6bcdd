//! What holds when threads share a breaker.

use std::thread;

use super::*;
use crate::sync::{AtomicBool, AtomicU64, Barrier, Ordering};

/// CB-13: so many calls at the same moment, and never more trial calls than slots.
fn race_for_slots(slots: u32) {
    const ROUNDS: usize = 10_000;
    const THREADS: usize = 4;
    const CALLS: usize = 16;
    let trials = TrialRule { calls: slots, successes: slots, timeout: 5 * SECOND };
    let shell = shell(Settings { trials, ..settings() });
    let barrier = Barrier::new(THREADS);
    let (admitted, wrong) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (shell, barrier, admitted, wrong) = (&shell, &barrier, &admitted, &wrong);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    if thread == 0 {
                        drop(shell.reset(at(0)));
                        admitted.store(0, Ordering::SeqCst);
                        for _ in 0..10 {
                            if let Ok(ticket) = admit(shell, at(0)) {
                                settle(shell, ticket, FAILURE, at(0));
                            }
                        }
                    }
                    barrier.wait();
                    for _ in 0..CALLS {
                        // Never settled: the inner service parks them.
                        admitted.fetch_add(u64::from(admit(shell, at(10_000)).is_ok()), Ordering::SeqCst);
                    }
                    barrier.wait();
                    // A panic here would leave the others waiting.
                    let is_wrong = admitted.load(Ordering::SeqCst) != u64::from(slots);
                    wrong.fetch_add(is_wrong.into(), Ordering::SeqCst);
                    barrier.wait();
                }
            });
        }
    });
    assert_eq!(wrong.into_inner(), 0, "rounds of {ROUNDS}, seen by {THREADS} threads");
}

#[test]
fn cb_13_one_slot_admits_one_trial_call() {
    race_for_slots(1);
}

#[test]
fn cb_13_three_slots_admit_three_trial_calls() {
    race_for_slots(3);
}

#[test]
fn cb_14_many_failures_at_once_open_it_once() {
    for round in 0..200 {
        let shell = shell(settings());
        let tickets: Vec<_> = (0..200).map(|_| admit(&shell, at(0)).unwrap()).collect();
        thread::scope(|scope| {
            for part in tickets.chunks(50) {
                let shell = &shell;
                scope
                    .spawn(move || part.iter().for_each(|ticket| settle(shell, *ticket, FAILURE, at(round))));
            }
        });
        let (view, totals) = shell.view_at(at(round));
        assert_eq!((view.state, view.opened), (CircuitState::Open, 1));
        assert_eq!((totals.failed, totals.late), (200, 190));
        let mut told = 0;
        while shell.next_transition().is_some() {
            told += 1;
        }
        assert_eq!(told, 1);
    }
}

/// CB-33, with a window that is small enough to turn over all the time.
#[test]
fn cb_33_a_snapshot_is_coherent_at_any_moment() {
    let shapes = [Shape::Last(100), Shape::Time { bucket: Duration::from_millis(10), buckets: 4 }];
    for window in shapes {
        let shell = shell(Settings { window, min_calls: 100, ..settings() });
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for seed in 0..3 {
                let (shell, done) = (&shell, &done);
                scope.spawn(move || {
                    let rng = Rng::new(Some(seed));
                    let mut now = 0;
                    while !done.load(Ordering::Relaxed) {
                        now += rng.next() % 3;
                        let Ok(ticket) = admit(shell, at(now)) else {
                            shell.count_refused();
                            now += 1_000;
                            continue;
                        };
                        let ending = match rng.next() % 10 {
                            0..4 => FAILURE,
                            4 => Ending::Ignored,
                            5 => Ending::Cancelled { by_panic: false },
                            _ => Ending::Success,
                        };
                        settle(shell, ticket, ending, at(now));
                    }
                });
            }
            let mut before = 0;
            for _ in 0..300_000 {
                let (view, totals) = shell.view_at(at(0));
                let counts = view.evidence.counts;
                assert!(counts.failures <= counts.recorded, "{counts:?}");
                assert!(!matches!(window, Shape::Last(_)) || counts.recorded <= 100, "{counts:?}");
                let ended = totals.succeeded + totals.failed + totals.ignored + totals.cancelled;
                assert!(ended <= totals.admitted && before <= totals.admitted, "{totals:?}");
                before = totals.admitted;
            }
            done.store(true, Ordering::Relaxed);
        });
        let (_, totals) = shell.view_at(at(0));
        assert_eq!(totals.admitted, totals.succeeded + totals.failed + totals.ignored + totals.cancelled);
    }
}

#[test]
fn no_result_is_lost_between_threads() {
    const EACH: u64 = 20_000;
    let size = 100_000;
    let quiet = Settings { window: Shape::Last(size), min_calls: size.into(), ..settings() };
    let shell = shell(quiet);
    thread::scope(|scope| {
        for thread in 0..4 {
            let shell = &shell;
            scope.spawn(move || {
                for call in 0..EACH {
                    let ticket = admit(shell, at(0)).unwrap();
                    let ending = if call % 8 == thread { FAILURE } else { Ending::Success };
                    settle(shell, ticket, ending, at(0));
                }
            });
        }
    });
    let (view, totals) = shell.view_at(at(0));
    assert_eq!((totals.admitted, totals.failed, totals.succeeded), (4 * EACH, EACH / 2, 7 * EACH / 2));
    let counts = view.evidence.counts;
    assert_eq!((counts.recorded, counts.failures), (4 * EACH, EACH / 2));
}

/// Successes of calls that were let through before a transition never show in the window after it.
#[test]
fn stragglers_of_an_earlier_epoch_are_late() {
    for _ in 0..300 {
        let shell = shell(settings());
        let tickets: Vec<_> = (0..400).map(|_| admit(&shell, at(0)).unwrap()).collect();
        thread::scope(|scope| {
            for part in tickets.chunks(200) {
                let shell = &shell;
                scope.spawn(move || {
                    part.iter().for_each(|ticket| settle(shell, *ticket, Ending::Success, at(0)));
                });
            }
            drop(shell.isolate(Instant::NEVER, at(0)));
            drop(shell.automatic(at(0)));
        });
        let (view, totals) = shell.view_at(at(0));
        assert_eq!((totals.succeeded, view.evidence.counts.recorded), (400, 0));
        assert!(totals.late <= 400);
    }
}
