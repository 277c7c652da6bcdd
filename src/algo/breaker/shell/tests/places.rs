//! Where a result is counted: in the tally, in the window under the lock, or beside them.

use super::*;

const SLOW: Duration = Duration::from_millis(100);

fn slow() -> Option<SlowRule> {
    Some(SlowRule { longer_than: SLOW, rate: Ratio::new("slow_rate", 0.5).unwrap() })
}

/// A shell whose tally takes successes of this thread.
fn joined(settings: Settings) -> (Shell, Ticket) {
    let shell = shell(settings);
    let ticket = admit(&shell, at(0)).unwrap();
    settle_as(&shell, (ticket, at(0)), Ending::Success, Mode::Enforce, at(0));
    (shell, ticket)
}

/// Whether the tally takes a success.
fn takes((shell, ticket): &(Shell, Ticket), started: u64, now: u64) -> bool {
    shell.settle_success(*ticket, at(started), Mode::Enforce, || at(now))
}

#[test]
fn a_success_among_the_last_calls_needs_neither_the_lock_nor_a_clock() {
    let (shell, ticket) = joined(settings());
    assert!(shell.settle_success(ticket, Instant::NEVER, Mode::Enforce, || panic!("the clock was asked")));
}

#[test]
fn a_success_goes_to_the_tally_only_as_long_as_its_bucket_lasts() {
    let window = Shape::Time { bucket: SECOND, buckets: 10 };
    let timed = joined(Settings { window, ..settings() });
    assert_eq!([0, 999, 1_000, 9_000].map(|now| takes(&timed, now, now)), [true, true, false, false]);
}

#[test]
fn a_success_that_took_too_long_goes_to_the_window() {
    let timed = joined(Settings { slow: slow(), ..settings() });
    assert_eq!([100, 101].map(|took| takes(&timed, 1_000, 1_000 + took)), [true, false]);
}

#[test]
fn only_what_takes_longer_than_allowed_is_slow() {
    let shell = shell(Settings { slow: slow(), ..settings() });
    for (took, ending) in [(100, FAILURE), (100, Ending::Success), (101, FAILURE), (101, Ending::Success)] {
        let ticket = admit(&shell, at(0)).unwrap();
        drop(shell.settle(ticket, at(0), ending, Mode::Enforce, || at(took)));
    }
    assert_eq!(shell.view_at(at(101)).0.evidence.counts.slow, 2);
}

#[test]
fn who_only_failed_has_no_cell_that_each_failure_must_look_at() {
    let shell = shell(settings());
    let ticket = admit(&shell, at(0)).unwrap();
    settle(&shell, ticket, FAILURE, at(0));
    assert!(!shell.settle_success(ticket, Instant::NEVER, Mode::Enforce, || at(0)));
}

#[test]
fn what_ends_while_the_breaker_is_off_is_counted_beside_its_results() {
    let shell = shell(settings());
    for (ending, counted) in [(Ending::Success, (1, 0)), (FAILURE, (1, 1))] {
        let ticket = admit(&shell, at(0)).unwrap();
        settle_as(&shell, (ticket, at(0)), ending, Mode::Off, at(0));
        assert_eq!((shell.side.passed_well.get(), shell.side.passed_badly.get()), counted);
    }
    let (view, totals) = shell.view_at(at(0));
    assert_eq!(view.evidence.counts.recorded, 0, "a result that decides nothing is not in the window");
    assert_eq!((totals.succeeded, totals.failed), (1, 1));
}

#[test]
fn a_trial_call_that_ends_while_the_breaker_is_off_gives_its_slot_back() {
    let shell = shell(settings());
    for _ in 0..10 {
        let ticket = admit(&shell, at(0)).unwrap();
        settle(&shell, ticket, FAILURE, at(0));
    }
    let trials: Vec<Ticket> = (0..3).map(|_| admit(&shell, at(10_000)).unwrap()).collect();
    assert!(admit(&shell, at(10_000)).is_err(), "three at once");
    settle_as(&shell, (trials[0], at(10_000)), FAILURE, Mode::Off, at(10_001));
    let (view, totals) = shell.view_at(at(10_001));
    assert_eq!((view.state, totals.failed), (CircuitState::HalfOpen, 11));
    assert_eq!((shell.side.passed_well.get(), shell.side.passed_badly.get()), (0, 0));
    admit(&shell, at(10_001)).expect("the slot is free");
}
