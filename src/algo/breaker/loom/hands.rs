use super::super::{CircuitControl, CircuitState, Ending};
use super::{admit, at, half_opened, settings, settle, shell, transitions, wake};
use crate::model::{Model, Shared, Twin, join, spawn, wait_for};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "breaker: isolate against a success that closes",
        threads: 2,
        check: isolate_against_a_success_that_closes,
        twins: &[Twin { bug: "a trial call closes whatever there is", fails_with: "not isolated" }],
    },
    Model {
        name: "breaker: a task that waits against automatic",
        threads: 3,
        check: a_waiter_against_automatic,
        twins: &[Twin { bug: "a waiter looks before it registers", fails_with: "deadlock" }],
    },
];

/// Whoever was first, it is isolated in the end.
fn isolate_against_a_success_that_closes() {
    let (shell, trial) = half_opened(settings());
    let shell = Shared::new(shell);
    let thread = spawn(0, &shell, move |shell| settle(shell, trial, Ending::Success, at(11)));
    wake(shell.isolate(Instant::NEVER, at(11)));
    join(thread);
    let (view, totals) = shell.view_at(at(11));
    assert_eq!((view.state, view.control), (CircuitState::Open, CircuitControl::Isolated), "not isolated");
    // Opened, half-open, isolated; and closed before that, if the result was in time.
    assert_eq!(transitions(&shell) as u64, 4 - totals.late);
    assert!(shell.admit_closed().is_none() && admit(&shell, at(11)).is_err(), "not isolated");
}

/// All who wait are woken.
fn a_waiter_against_automatic() {
    let shell = Shared::new(shell(settings()));
    wake(shell.isolate(Instant::NEVER, at(0)));
    let wait = |shell: &super::Shell| {
        let mut id = None;
        wait_for(|waker| shell.wait_at(at(0), &mut id, waker).is_none().then_some(()));
    };
    let threads = [0, 1].map(|slot| spawn(slot, &shell, wait));
    wake(shell.automatic(at(0)));
    threads.into_iter().for_each(join);
}
