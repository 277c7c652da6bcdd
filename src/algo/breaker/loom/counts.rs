use super::super::{Ending, Shell, Totals};
use super::{admit, at, opened, settings, settle, shell};
use crate::mode::Mode;
use crate::model::{Model, Shared, Twin, join, spawn};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "breaker: a snapshot against successes",
        threads: 2,
        check: a_snapshot_against_successes,
        twins: &[
            Twin { bug: "admitted is read first", fails_with: "more ended than came" },
            Twin { bug: "relaxed: a success is counted", fails_with: "more ended than came" },
            Twin { bug: "relaxed: successes are taken", fails_with: "more ended than came" },
        ],
    },
    Model {
        name: "breaker: a snapshot against successes of threads without a slot",
        threads: 3,
        check: a_snapshot_against_threads_without_a_slot,
        twins: &[Twin {
            bug: "relaxed: a success is counted in the last cell",
            fails_with: "more ended than came",
        }],
    },
    Model {
        name: "breaker: a snapshot against other ends",
        threads: 2,
        check: a_snapshot_against_other_ends,
        twins: &[
            Twin { bug: "admitted is read first", fails_with: "more ended than came" },
            Twin { bug: "a part is read after the whole", fails_with: "a part above the whole" },
            Twin { bug: "relaxed: an end is counted", fails_with: "more ended than came" },
            Twin { bug: "relaxed: ends are read", fails_with: "more ended than came" },
        ],
    },
    Model {
        name: "breaker: a snapshot against a dry run",
        threads: 2,
        check: a_snapshot_against_a_dry_run,
        twins: &[Twin { bug: "a part is counted before the whole", fails_with: "a part above the whole" }],
    },
    Model {
        name: "breaker: a success against who joins with a new epoch",
        threads: 2,
        check: a_success_against_who_joins,
        twins: &[Twin { bug: "who joins does not look again", fails_with: "a success was lost" }],
    },
];

fn check(totals: Totals, last: bool) {
    let Totals { admitted, succeeded, failed, throttled, ignored, cancelled, .. } = totals;
    let ended = succeeded + failed + throttled + ignored + cancelled;
    assert!(ended <= admitted, "more ended than came: {totals:?}");
    assert!(totals.panicked <= cancelled, "a part above the whole: {totals:?}");
    assert!(totals.late <= ended, "a part above the whole: {totals:?}");
    assert!(!last || ended == admitted, "something was lost: {totals:?}");
}

/// A call from its beginning to its end.
fn call(shell: &Shell, ending: Ending) {
    let ticket = admit(shell, at(0)).expect("closed");
    settle(shell, ticket, ending, at(0));
}

/// No more ended than came, at any time; and in the end as many.
fn a_snapshot_against_successes() {
    let shell = Shared::new(shell(settings()));
    let thread = spawn(0, &shell, |shell| (0..2).for_each(|_| call(shell, Ending::Success)));
    check(shell.view_at(at(0)).1, false);
    join(thread);
    let (_, totals) = shell.view_at(at(0));
    check(totals, true);
    assert_eq!(totals.succeeded, 2);
}

/// The same for threads that share a cell, one of which joins with a new epoch.
fn a_snapshot_against_threads_without_a_slot() {
    let shell = Shared::new(shell(settings()));
    call(&shell, Ending::Success);
    let joins = admit(&shell, at(0)).expect("closed");
    let counting = spawn(usize::MAX - 1, &shell, |shell| call(shell, Ending::Success));
    let joining = spawn(usize::MAX - 1, &shell, move |shell| {
        super::wake(shell.settle(joins, Instant::NEVER, Ending::Success, Mode::Enforce, || at(0)));
    });
    check(shell.view_at(at(0)).1, false);
    join(counting);
    join(joining);
    let (view, totals) = shell.view_at(at(0));
    check(totals, true);
    assert_eq!((totals.succeeded, view.evidence.counts.recorded), (3, 3));
}

/// The same for calls that end in another way, in time or late.
fn a_snapshot_against_other_ends() {
    let shell = Shared::new(shell(settings()));
    let late = admit(&shell, at(0)).expect("closed");
    super::wake(shell.reset(at(0)));
    let thread = spawn(0, &shell, move |shell| {
        settle(shell, late, Ending::Ignored, at(0));
        call(shell, Ending::Cancelled { by_panic: true });
    });
    check(shell.view_at(at(0)).1, false);
    join(thread);
    let (_, totals) = shell.view_at(at(0));
    check(totals, true);
    assert_eq!((totals.late, totals.panicked), (1, 1));
}

/// Who was let through against the breaker's will is among those who were let through.
fn a_snapshot_against_a_dry_run() {
    let shell = Shared::new(opened(settings()));
    let before = shell.view_at(at(0)).1.admitted;
    let thread = spawn(0, &shell, |shell| {
        let passed = shell.admit_at(at(0), Mode::DryRun).0.expect("a dry run");
        settle(shell, passed, Ending::Ignored, at(0));
    });
    let totals = shell.view_at(at(0)).1;
    assert!(totals.would_reject <= totals.admitted - before, "a part above the whole: {totals:?}");
    check(totals, false);
    join(thread);
    assert_eq!(shell.view_at(at(0)).1.would_reject, 1);
}

/// None is lost, and none is counted twice, also while another thread joins in the same cell.
fn a_success_against_who_joins() {
    let shell = Shared::new(shell(settings()));
    call(&shell, Ending::Success);
    let ticket = admit(&shell, at(0)).expect("closed");
    let thread = spawn(usize::MAX - 1, &shell, move |shell| settle(shell, ticket, Ending::Success, at(0)));
    super::wake(shell.reset(at(0)));
    call(&shell, Ending::Success);
    join(thread);
    let (view, totals) = shell.view_at(at(0));
    assert_eq!(totals.succeeded, 3, "a success was lost or counted twice");
    assert_eq!(view.evidence.counts.recorded, 1, "a success was lost or counted twice");
    check(totals, true);
}
