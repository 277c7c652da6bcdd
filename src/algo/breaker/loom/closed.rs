use super::super::{CircuitState, Ending, SlowRule};
use super::{FAILURE, admit, at, settings, settle, shell, transitions, wake};
use crate::model::{Model, Shared, Twin, join, spawn};
use crate::units::{Instant, Ratio};

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "breaker: two failures at the threshold",
        threads: 2,
        check: two_failures_at_the_threshold,
        twins: &[Twin { bug: "what is open opens again", fails_with: "opened twice" }],
    },
    Model {
        name: "breaker: a success against a failure at the threshold",
        threads: 2,
        check: a_success_against_a_failure,
        twins: &[Twin { bug: "successes are told after the failure", fails_with: "a success came too late" }],
    },
    Model {
        name: "breaker: a late success against transitions",
        threads: 2,
        check: a_late_success,
        twins: &[Twin { bug: "a success counts in any epoch", fails_with: "a late success in the window" }],
    },
    Model {
        name: "breaker: a late failure against transitions",
        threads: 2,
        check: a_late_failure,
        twins: &[Twin { bug: "a late result decides", fails_with: "a late failure decided" }],
    },
    Model {
        name: "breaker: other settings against a failure",
        threads: 2,
        check: other_settings_against_a_failure,
        twins: &[Twin { bug: "the window changes outside of the lock", fails_with: "a failure was lost" }],
    },
    Model {
        name: "breaker: a slow-call rule against an admission",
        threads: 2,
        check: a_slow_call_rule_against_an_admission,
        twins: &[Twin { bug: "the state is told before the settings", fails_with: "timed by no rule" }],
    },
];

/// It opens once, is told of once, and the other failure is late.
fn two_failures_at_the_threshold() {
    let shell = Shared::new(shell(settings()));
    let [first, own, other] = [(); 3].map(|()| admit(&shell, at(0)).expect("closed"));
    settle(&shell, first, FAILURE, at(0));
    let thread = spawn(0, &shell, move |shell| settle(shell, other, FAILURE, at(0)));
    settle(&shell, own, FAILURE, at(0));
    join(thread);
    let (view, totals) = shell.view_at(at(0));
    assert_eq!((view.state, view.opened, transitions(&shell)), (CircuitState::Open, 1, 1), "opened twice");
    assert_eq!((totals.failed, totals.late), (3, 1));
}

/// A success that was left in the tally before a failure is in the window before it.
fn a_success_against_a_failure() {
    // Two of four have to fail.
    let shell = Shared::new(shell(super::Settings { min_calls: 4, ..settings() }));
    let tickets = [(); 4].map(|()| admit(&shell, at(0)).expect("closed"));
    let [joins, first, success, failure] = tickets;
    let is_told = Shared::new(crate::sync::AtomicU64::new(0));
    let told = Shared::clone(&is_told);
    settle(&shell, first, FAILURE, at(0));
    let thread = spawn(0, &shell, move |shell| {
        settle(shell, joins, Ending::Success, at(0));
        settle(shell, success, Ending::Success, at(0));
        told.store(1, crate::sync::Ordering::Release);
    });
    let was_told = is_told.load(crate::sync::Ordering::Acquire) == 1;
    settle(&shell, failure, FAILURE, at(0));
    let (view, _) = shell.view_at(at(0));
    assert!(!was_told || view.state == CircuitState::Open, "a success came too late");
    join(thread);
    let (view, totals) = shell.view_at(at(0));
    let counted = (totals.succeeded, totals.failed);
    // Without it, three calls are too few for a decision, and a success makes none.
    assert!(view.state == CircuitState::Open || view.evidence.counts.recorded == 4, "{view:?}");
    assert_eq!(counted, (2, 2));
}

/// It is counted, as late or not, and the window that began after it does not know it.
fn a_late_success() {
    let shell = Shared::new(shell(settings()));
    let [first, late] = [(); 2].map(|()| admit(&shell, at(0)).expect("closed"));
    let thread = spawn(0, &shell, move |shell| {
        settle(shell, first, Ending::Success, at(0));
        settle(shell, late, Ending::Success, at(0));
    });
    wake(shell.isolate(Instant::NEVER, at(0)));
    wake(shell.automatic(at(0)));
    join(thread);
    let (view, totals) = shell.view_at(at(0));
    assert_eq!(
        (view.state, view.evidence.counts.recorded),
        (CircuitState::Closed, 0),
        "a late success in the window"
    );
    assert!(totals.succeeded == 2 && totals.late <= 2, "{totals:?}");
}

/// It neither opens the breaker nor stays in the window.
fn a_late_failure() {
    let shell = Shared::new(shell(settings()));
    let [first, late] = [(); 2].map(|()| admit(&shell, at(0)).expect("closed"));
    settle(&shell, first, FAILURE, at(0));
    let thread = spawn(0, &shell, move |shell| settle(shell, late, FAILURE, at(0)));
    wake(shell.isolate(Instant::NEVER, at(0)));
    wake(shell.automatic(at(0)));
    join(thread);
    let (view, totals) = shell.view_at(at(0));
    let seen = (view.state, view.evidence.counts.recorded);
    assert_eq!(seen, (CircuitState::Closed, 0), "a late failure decided");
    // In time, it opened the breaker before it was isolated.
    assert_eq!((totals.failed, totals.late + view.opened), (2, 2));
    assert_eq!(transitions(&shell) as u64, 2 + view.opened - 1);
}

/// The failure is in the window in the end, whether it was there before or came after.
fn other_settings_against_a_failure() {
    let shell = Shared::new(shell(settings()));
    let ticket = admit(&shell, at(0)).expect("closed");
    let thread = spawn(0, &shell, move |shell| settle(shell, ticket, FAILURE, at(0)));
    wake(shell.reconfigure(super::Settings { min_calls: 1, ..settings() }, None, at(0)));
    join(thread);
    let (view, totals) = shell.view_at(at(0));
    // Before, it is one of two; after, it is enough.
    let is_open = view.state == CircuitState::Open;
    assert!(is_open || view.evidence.counts.failures == 1, "a failure was lost: {view:?}");
    assert_eq!((totals.failed, totals.late, transitions(&shell)), (1, 0, usize::from(is_open)));
}

/// Who is told to take the time also finds the rule that it is for.
fn a_slow_call_rule_against_an_admission() {
    let shell = Shared::new(shell(settings()));
    let thread = spawn(0, &shell, |shell| {
        let longer_than = std::time::Duration::from_nanos(1);
        let rate = Ratio::new("slow_call_rate", 1.0).expect("a share");
        let slow = Some(SlowRule { longer_than, rate });
        wake(shell.reconfigure(super::Settings { slow, ..settings() }, None, at(0)));
    });
    let own = admit(&shell, at(0)).expect("closed");
    settle(&shell, own, Ending::Success, at(0));
    let Some((ticket, is_timed)) = shell.admit_closed() else {
        return join(thread);
    };
    let in_tally = shell.settle_success(ticket, at(0), crate::mode::Mode::Enforce, || at(9));
    assert!(!is_timed || !in_tally, "timed by no rule");
    join(thread);
}
