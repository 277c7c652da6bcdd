//! What whoever looks from outside is told: outlooks, those who wait, and transitions to be told of.

use std::task::{Wake, Waker};

use super::*;
use crate::sync::{Arc, AtomicU64, Ordering};

fn opened() -> Shell {
    let shell = shell(settings());
    for _ in 0..10 {
        let ticket = admit(&shell, at(0)).unwrap();
        settle(&shell, ticket, FAILURE, at(0));
    }
    shell
}

fn outlook(shell: &Shell, millis: u64, mode: Mode) -> Outlook {
    shell.outlook(|| mode, || at(millis))
}

#[test]
fn an_outlook_is_what_becomes_of_a_call() {
    let closed = shell(settings());
    assert_eq!(outlook(&closed, 0, Mode::Enforce), Outlook::Admitted);
    let open = opened();
    let over = [Mode::DryRun, Mode::Off].map(|mode| outlook(&open, 0, mode));
    assert_eq!(over, [Outlook::Admitted; 2]);
    assert_eq!(outlook(&open, 9_999, Mode::Enforce), Outlook::Refused);
    assert_eq!(outlook(&open, 10_000, Mode::Enforce), Outlook::Admitted);
    admit(&open, at(10_000)).unwrap();
    assert_eq!(outlook(&open, 10_000, Mode::Enforce), Outlook::Depends);
    assert_eq!(outlook(&open, 10_000, Mode::DryRun), Outlook::Admitted);
    drop(open.isolate(Instant::NEVER, at(10_000)));
    assert_eq!(outlook(&open, 99_999_999, Mode::Enforce), Outlook::Refused);
    drop(open.bypass(Instant::NEVER, at(10_000)));
    assert_eq!(outlook(&open, 10_000, Mode::Enforce), Outlook::Admitted);
}

#[test]
fn a_refusal_tells_until_when_without_the_lock_too() {
    let shell = opened();
    let told = |millis| shell.refusal_at_sight(shell.gate.word(), at(millis));
    let refusal = Refusal { until: at(10_000), retry_after: Some(9 * SECOND) };
    assert_eq!((told(1_000), shell.refusal_at(at(1_000))), (Some(refusal), Some(refusal)));
    assert_eq!((told(10_000), shell.refusal_at(at(10_000))), (None, None));
    drop(shell.isolate(at(50_000), at(1_000)));
    assert_eq!(told(2_000), Some(Refusal { until: at(50_000), retry_after: None }));
    drop(shell.bypass(at(50_000), at(1_000)));
    assert_eq!(told(2_000), None);
}

#[test]
fn a_breaker_that_stays_open_tells_no_time() {
    let endless = OpenTime { base: Duration::MAX, cap: Duration::MAX, ..settings().open_time };
    let shell = shell(Settings { open_time: endless, ..settings() });
    for _ in 0..10 {
        let ticket = admit(&shell, at(0)).unwrap();
        settle(&shell, ticket, FAILURE, at(0));
    }
    let refusal = Some(Refusal { until: Instant::NEVER, retry_after: None });
    assert_eq!(shell.refusal_at_sight(shell.gate.word(), at(1)), refusal);
}

/// Counts how often it was woken.
struct Count(AtomicU64);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_is_woken_once_something_changes() {
    let shell = opened();
    let count = Arc::new(Count(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let (mut first, mut second) = (None, None);
    let refusal = shell.wait_at(at(0), &mut first, &waker).unwrap();
    assert_eq!(refusal.until, at(10_000));
    assert!(shell.wait_at(at(0), &mut second, &waker).is_some());
    assert_eq!(Arc::strong_count(&count), 4);
    // Once more: it takes the place of its old waker.
    assert!(shell.wait_at(at(1), &mut first, &waker).is_some());
    assert_eq!(Arc::strong_count(&count), 4);
    shell.forget(second.unwrap());
    assert_eq!(Arc::strong_count(&count), 3);
    let after = shell.reset(at(2));
    assert_eq!(after.wakers.len(), 1);
    after.wakers.into_values().for_each(Waker::wake);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    let mut third = None;
    assert_eq!(shell.wait_at(at(3), &mut third, &waker), None, "it may proceed");
    assert_eq!((third, Arc::strong_count(&count)), (None, 2));
}

#[test]
fn a_slot_that_is_free_again_wakes_those_who_wait_and_a_failure_does_not() {
    let shell = opened();
    let tickets = [(); 3].map(|()| admit(&shell, at(10_000)).unwrap());
    let mut place = None;
    let mut waits = || assert!(shell.wait_at(at(10_000), &mut place, Waker::noop()).is_some());
    for (ticket, ending) in tickets.into_iter().zip([Ending::Ignored, Ending::Throttled]) {
        waits();
        let after = shell.settle(ticket, Instant::NEVER, ending, Mode::Enforce, || at(10_000));
        assert_eq!(after.wakers.len(), 1, "{ending:?}");
        admit(&shell, at(10_000)).unwrap();
    }
    waits();
    let late = Ticket { epoch: 0, ..tickets[2] };
    let after = shell.settle(late, Instant::NEVER, Ending::Ignored, Mode::Enforce, || at(10_000));
    assert!(after.wakers.is_empty());
    assert_eq!(shell.view_at(at(10_000)).1.late, 1);
    // Off, a trial call decides nothing, and so gives its slot back.
    let after = shell.settle(tickets[2], Instant::NEVER, FAILURE, Mode::Off, || at(10_000));
    assert_eq!((after.wakers.len(), shell.state()), (1, CircuitState::HalfOpen));
    waits_for_settings(&shell);
}

fn waits_for_settings(shell: &Shell) {
    admit(shell, at(10_000)).unwrap();
    let mut place = None;
    assert!(shell.wait_at(at(10_000), &mut place, Waker::noop()).is_some());
    assert_eq!(shell.wake(at(10_000)).wakers.len(), 1);
    assert!(shell.wait_at(at(10_000), &mut place, Waker::noop()).is_some());
    assert_eq!(shell.reconfigure(settings(), None, at(10_000)).wakers.len(), 1);
}

#[test]
fn transitions_are_told_in_order_by_one() {
    let shell = shell(settings());
    assert!(shell.next_transition().is_none());
    let after = shell.isolate(Instant::NEVER, at(1));
    assert!(after.deliver);
    assert!(!shell.bypass(Instant::NEVER, at(2)).deliver, "somebody does already");
    let told: Vec<_> = std::iter::from_fn(|| shell.next_transition()).collect();
    let to: Vec<_> = told.iter().map(|queued| (queued.transition.to, queued.attempt)).collect();
    assert_eq!(to, [(CircuitState::Open, 1), (CircuitState::Closed, 1)]);
    assert!(shell.isolate(Instant::NEVER, at(3)).deliver);
    shell.abandon();
    assert!(shell.automatic(at(4)).deliver, "with what was left");
    assert_eq!(std::iter::from_fn(|| shell.next_transition()).count(), 2);
    assert!(!shell.automatic(at(5)).deliver);
}

#[test]
fn calls_are_timed_from_the_beginning_only_for_the_slow_call_rule() {
    let rate = Ratio::new("slow_call_rate", 1.0).unwrap();
    let slow = Some(SlowRule { longer_than: SECOND, rate });
    let shell = shell(Settings { slow, ..settings() });
    assert!(shell.times_calls() && shell.admit_closed().is_some_and(|(_, is_timed)| is_timed));
    drop(shell.reconfigure(settings(), Some(Rng::new(Some(2))), at(0)));
    assert!(!shell.times_calls() && shell.admit_closed().is_some_and(|(_, is_timed)| !is_timed));
}

#[test]
fn a_new_seed_begins_a_new_sequence() {
    let jitter = OpenTime { jitter: 0.5, cap: 60 * SECOND, ..settings().open_time };
    let draw = |seed: Option<u64>| {
        let shell = shell(Settings { open_time: jitter, ..settings() });
        drop(shell.reconfigure(
            Settings { open_time: jitter, ..settings() },
            seed.map(|seed| Rng::new(Some(seed))),
            at(0),
        ));
        for _ in 0..10 {
            let ticket = admit(&shell, at(0)).unwrap();
            settle(&shell, ticket, FAILURE, at(0));
        }
        shell.refusal_at(at(0)).unwrap().until
    };
    assert_eq!(draw(Some(1)), draw(None), "the tests' own seed");
    assert_ne!(draw(Some(2)), draw(None));
}

#[test]
fn a_refusal_for_another_reason_goes_by_the_mode() {
    let shell = shell(settings());
    let refusal = Refusal { until: Instant::NEVER, retry_after: None };
    assert_eq!(shell.refuse_anyway(Mode::Enforce), Err(refusal));
    let passed = [Mode::DryRun, Mode::Off].map(|mode| shell.refuse_anyway(mode).is_ok());
    let (_, totals) = shell.view_at(at(0));
    assert_eq!((passed, totals.admitted, totals.would_reject, totals.refused), ([true; 2], 2, 1, 0));
}

#[test]
fn a_small_one_decides_as_any_other_and_tells_when_it_is_idle() {
    let shell = Shell::small(settings(), Rng::new(Some(1)), at(0), || 1);
    let end = |ending| settle(&shell, admit(&shell, at(0)).unwrap(), ending, at(0));
    assert!(shell.is_idle(at(0)));
    end(FAILURE);
    assert!(!shell.is_idle(at(0)));
    // Left in the tally, and taken from there.
    (0..10).for_each(|_| end(Ending::Success));
    assert!(shell.is_idle(at(0)));
    (0..5).for_each(|_| end(FAILURE));
    assert_eq!((shell.state(), shell.is_idle(at(0))), (CircuitState::Open, false));
    assert!(shell.next_transition().is_some());
}
