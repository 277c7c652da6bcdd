use super::super::{CircuitState, Ending, Settings, TrialRule};
use super::{admit, at, half_opened, opened, settings, settle, transitions, wake};
use crate::model::{Model, Shared, Twin, join, spawn, wait_for};

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "breaker: two admissions when the open time is over",
        threads: 2,
        check: two_admissions,
        twins: &[Twin { bug: "an admission in two steps", fails_with: "not one trial call" }],
    },
    Model {
        name: "breaker: three admissions, two trial calls",
        threads: 3,
        check: three_admissions_two_trial_calls,
        twins: &[Twin { bug: "an admission in two steps", fails_with: "not two trial calls" }],
    },
    Model {
        name: "breaker: a trial call dropped against the restart of its cycle",
        threads: 2,
        check: a_trial_call_dropped_against_a_restart,
        twins: &[Twin { bug: "a late drop gives a slot back", fails_with: "two trial calls in one slot" }],
    },
    Model {
        name: "breaker: two trial calls at the end of a cycle",
        threads: 2,
        check: two_trial_calls_at_the_end,
        twins: &[Twin {
            bug: "a trial call counts as any other",
            fails_with: "a result counted in the next cycle",
        }],
    },
    Model {
        name: "breaker: other trial settings against a trial call",
        threads: 2,
        check: other_trial_settings_against_a_trial_call,
        twins: &[Twin {
            bug: "new slots in the same epoch",
            fails_with: "a trial call of the old cycle counted",
        }],
    },
    Model {
        name: "breaker: a snapshot against a trial call",
        threads: 2,
        check: a_snapshot_against_a_trial_call,
        twins: &[
            Twin { bug: "a slot is taken before its call is counted", fails_with: "a slot without a call" },
            Twin { bug: "a slot is free after the end is counted", fails_with: "a slot without a call" },
        ],
    },
    Model {
        name: "breaker: a task that waits against a slot that comes free",
        threads: 2,
        check: a_waiter_against_a_free_slot,
        twins: &[
            Twin { bug: "a waiter looks before it registers", fails_with: "deadlock" },
            Twin { bug: "a free slot wakes nobody", fails_with: "deadlock" },
        ],
    },
];

fn trials(calls: u32, successes: u32) -> Settings {
    Settings { trials: TrialRule { calls, successes, ..settings().trials }, ..settings() }
}

/// One of them is the trial call, and there is one transition.
fn two_admissions() {
    let shell = Shared::new(opened(settings()));
    let thread = spawn(0, &shell, |shell| admit(shell, at(10)).is_ok());
    let admitted = usize::from(admit(&shell, at(10)).is_ok()) + usize::from(join(thread));
    let (view, _) = shell.view_at(at(10));
    let seen = (admitted, view.trials_in_flight, view.restarted);
    assert_eq!(seen, (1, 1, 0), "not one trial call");
    assert_eq!(transitions(&shell), 2, "opened, and half-opened once");
}

/// Two of them are trial calls.
fn three_admissions_two_trial_calls() {
    let shell = Shared::new(opened(trials(2, 1)));
    // Not by way of a look at a closed breaker: it is open.
    let admit = |shell: &super::Shell| shell.admit_at(at(10), crate::mode::Mode::Enforce).0.is_ok();
    let threads = [0, 1].map(|slot| spawn(slot, &shell, admit));
    let own = admit(&shell);
    let admitted = [own].into_iter().chain(threads.map(join)).filter(|is| *is).count();
    let (view, _) = shell.view_at(at(10));
    assert_eq!((admitted, view.trials_in_flight, view.restarted), (2, 2, 0), "not two trial calls");
}

/// Whoever has a slot is in flight.
fn a_snapshot_against_a_trial_call() {
    let shell = Shared::new(opened(settings()));
    let thread = spawn(0, &shell, |shell| {
        let trial = admit(shell, at(10)).expect("a slot");
        settle(shell, trial, Ending::Ignored, at(10));
    });
    let (view, totals) = shell.view_at(at(10));
    let ended = totals.succeeded + totals.failed + totals.ignored;
    assert!(ended + u64::from(view.trials_in_flight) <= totals.admitted, "a slot without a call");
    join(thread);
    assert_eq!((shell.view_at(at(10)).0.trials_in_flight, shell.view_at(at(10)).1.ignored), (0, 1));
}

/// Whether the slot is given back or the cycle starts afresh: the next call gets it, and it alone.
fn a_trial_call_dropped_against_a_restart() {
    let (shell, hung) = half_opened(settings());
    let shell = Shared::new(shell);
    let dropped = Ending::Cancelled { by_panic: false };
    let thread = spawn(0, &shell, move |shell| settle(shell, hung, dropped, at(15)));
    let next = admit(&shell, at(15));
    join(thread);
    let (view, totals) = shell.view_at(at(15));
    assert!(next.is_ok() && admit(&shell, at(15)).is_err(), "two trial calls in one slot");
    assert_eq!((view.trials_in_flight, view.trials_failed), (1, 0), "two trial calls in one slot");
    assert_eq!((totals.cancelled, totals.late), (1, 0), "a drop is no result");
}

/// One of them ends it; what the other says counts no more.
fn two_trial_calls_at_the_end() {
    let (shell, first) = half_opened(trials(2, 1));
    let second = admit(&shell, at(10)).expect("two slots");
    let shell = Shared::new(shell);
    let thread = spawn(0, &shell, move |shell| settle(shell, second, super::FAILURE, at(11)));
    settle(&shell, first, Ending::Success, at(11));
    join(thread);
    let (view, totals) = shell.view_at(at(11));
    // A failure alone decides nothing while a success can still be reached.
    assert_eq!(
        (view.state, view.evidence.counts.recorded),
        (CircuitState::Closed, 0),
        "a result counted in the next cycle"
    );
    assert_eq!((totals.succeeded, totals.failed, view.opened), (1, 3, 1));
    assert!(totals.late <= 1);
}

/// It closes the breaker before, or says nothing after.
fn other_trial_settings_against_a_trial_call() {
    let (shell, trial) = half_opened(settings());
    let shell = Shared::new(shell);
    let thread = spawn(0, &shell, move |shell| settle(shell, trial, Ending::Success, at(11)));
    wake(shell.reconfigure(trials(2, 2), None, at(11)));
    join(thread);
    let (view, totals) = shell.view_at(at(11));
    let closed = (CircuitState::Closed, 0, 0);
    let still_half_open = (CircuitState::HalfOpen, 0, 1);
    let seen = (view.state, view.trials_succeeded, totals.late);
    assert!(seen == closed || seen == still_half_open, "a trial call of the old cycle counted: {seen:?}");
}

/// Who waits for a slot gets it once it is free.
fn a_waiter_against_a_free_slot() {
    let (shell, trial) = half_opened(settings());
    let shell = Shared::new(shell);
    let thread = spawn(0, &shell, move |shell| settle(shell, trial, Ending::Ignored, at(11)));
    let mut id = None;
    wait_for(|waker| shell.wait_at(at(11), &mut id, waker).is_none().then_some(()));
    assert!(admit(&shell, at(11)).is_ok());
    join(thread);
}
