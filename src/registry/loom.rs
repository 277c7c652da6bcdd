#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

use super::lever::Lever;
use super::overrides::Override;
use super::switch::InForce;
use crate::algo::breaker::loom::{FAILURE, at, half_opened, settings, wake};
use crate::algo::breaker::{CircuitState, Shell};
use crate::algo::gcra::Look;
use crate::algo::gcra::loom::line::{Limit, full};
use crate::algo::permits::{Entered, Left, Permits};
use crate::mode::Mode;
use crate::model::{Model, Shared, Twin, join, spawn, wait_for};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "modes: two switches at once",
        threads: 2,
        check: two_switches_at_once,
        twins: &[Twin {
            bug: "the mode is told outside of the lock",
            fails_with: "not the mode that is set",
        }],
    },
    Model {
        name: "modes: one that ends against the next",
        threads: 2,
        check: one_that_ends_against_the_next,
        twins: &[Twin {
            bug: "what is there now is over, whatever it is",
            fails_with: "not the mode that is set",
        }],
    },
    Model {
        name: "modes: two find that one is over",
        threads: 2,
        check: two_find_that_one_is_over,
        twins: &[
            Twin { bug: "who finds it over does not look who was first", fails_with: "told twice" },
            Twin { bug: "the end of a mode is told before the mode", fails_with: "in force after its end" },
            Twin { bug: "relaxed: the end of a mode is told", fails_with: "in force after its end" },
            Twin { bug: "relaxed: the end of a mode is read", fails_with: "in force after its end" },
        ],
    },
    Model {
        name: "modes: who waits against another who finds that one is over",
        threads: 2,
        check: who_waits_against_another_who_finds_that_one_is_over,
        twins: &[
            Twin { bug: "who waits looks at the mode first", fails_with: "nobody tells it of the end" },
            Twin {
                bug: "the end of a mode is told before the mode",
                fails_with: "nobody tells it of the end",
            },
        ],
    },
    Model {
        name: "modes: a waiter of a bulkhead against a switch and a release",
        threads: 3,
        check: a_waiter_of_a_bulkhead,
        twins: &[
            Twin { bug: "a switch wakes nobody in the queue", fails_with: "deadlock" },
            Twin { bug: "who was called leaves with the permit", fails_with: "a permit leaked" },
        ],
    },
    Model {
        name: "modes: a waiter of a rate limit against another end",
        threads: 2,
        check: a_waiter_of_a_rate_limit,
        twins: &[Twin { bug: "a switch wakes nobody in the line", fails_with: "deadlock" }],
    },
    Model {
        name: "modes: a trial call against a switch",
        threads: 2,
        check: a_trial_call_against_a_switch,
        twins: &[Twin {
            bug: "a trial call that decides nothing keeps its slot",
            fails_with: "a slot was lost",
        }],
    },
    Model {
        name: "modes: a waiter of a breaker against a trial call that decides nothing",
        threads: 2,
        check: a_waiter_of_a_breaker,
        twins: &[Twin { bug: "a trial call that decides nothing keeps its slot", fails_with: "deadlock" }],
    },
];

fn set(mode: Mode, until: Instant) -> Option<InForce> {
    Some(InForce { what: Override::new(mode), until })
}

fn mode(lever: &Lever, now: Instant) -> Mode {
    lever.mode().unwrap_or_else(|| lever.mode_at(now).0)
}

fn mode_until(lever: &Lever, now: Instant) -> (Mode, Instant) {
    lever.mode_until(|| mode(lever, now))
}

/// Both count in the end.
fn two_switches_at_once() {
    let lever = Shared::new(Lever::new(Mode::Enforce));
    let thread = spawn(0, &lever, |lever| lever.set_own(Mode::DryRun));
    lever.set_process(set(Mode::Off, Instant::NEVER));
    join(thread);
    assert_eq!(lever.mode(), Some(Mode::Off), "not the mode that is set");
    lever.set_process(None);
    assert_eq!(lever.mode(), Some(Mode::DryRun));
}

/// The next one stays. The one before ended or was taken back, and not both.
fn one_that_ends_against_the_next() {
    let lever = Shared::new(Lever::new(Mode::Enforce));
    lever.set_override(set(Mode::Off, at(10)));
    let thread = spawn(0, &lever, |lever| {
        let (seen, ended) = lever.mode_at(at(10));
        // What was not over was the next one already.
        assert!(ended.is_some() || seen != Mode::Enforce, "{seen:?}");
        ended.is_some_and(|ended| ended.own.is_some())
    });
    let was_taken_back = lever.set_override(set(Mode::DryRun, Instant::NEVER)).is_some();
    let has_ended = join(thread);
    assert_eq!(lever.mode(), Some(Mode::DryRun), "not the mode that is set");
    assert!(was_taken_back ^ has_ended, "told twice, or not at all");
}

/// Both go by it, and one of them tells.
fn two_find_that_one_is_over() {
    let lever = Shared::new(Lever::new(Mode::Enforce));
    lever.set_override(set(Mode::Off, at(10)));
    let find = |lever: &Lever| {
        let (mode, ended) = lever.mode_at(at(10));
        assert_eq!(mode, Mode::Enforce, "in force after its end");
        ended.is_some_and(|ended| ended.own.is_some())
    };
    let thread = spawn(0, &lever, find);
    let told = [find(&lever), join(thread)].into_iter().filter(|told| *told).count();
    assert_eq!(told, 1, "told twice, or not at all");
    assert_eq!(mode_until(&lever, at(10)), (Mode::Enforce, Instant::NEVER));
}

/// Nobody is woken when a mode is over. So whoever still finds that it is enforced knows until when.
fn who_waits_against_another_who_finds_that_one_is_over() {
    let lever = Shared::new(Lever::new(Mode::DryRun));
    lever.set_override(set(Mode::Enforce, at(10)));
    let thread = spawn(0, &lever, |lever| mode(lever, at(10)));
    let (seen, until) = mode_until(&lever, at(9));
    assert!(seen == Mode::DryRun || until == at(10), "nobody tells it of the end");
    assert_eq!(join(thread), Mode::DryRun);
    assert_eq!(mode_until(&lever, at(10)), (Mode::DryRun, Instant::NEVER));
}

/// Who waits goes in, with the permit or because none is needed, and gives back what it has.
fn a_waiter_of_a_bulkhead() {
    let engine = Shared::new((Permits::new(1, 1), Lever::new(Mode::Enforce)));
    assert!(engine.0.try_enter());
    let releases = spawn(0, &engine, |(permits, _)| permits.complete());
    let waits = spawn(1, &engine, |(permits, lever)| {
        let Entered::Waits(place) = permits.enter() else { return permits.complete() };
        let mut place = Some(place);
        let has_permit = wait_for(|waker| {
            if permits.poll(&mut place, waker) {
                return Some(true);
            }
            // After it registered, as who waits does.
            let passes = lever.mode() != Some(Mode::Enforce);
            let left = passes.then(|| place.take()).flatten().map(|place| permits.leave_queue(place));
            left.map(|left| left == Left::Permit)
        });
        if has_permit {
            permits.complete();
        }
    });
    engine.1.set_own(Mode::DryRun);
    engine.0.wake_all();
    [releases, waits].into_iter().for_each(join);
    let totals = engine.0.totals();
    assert_eq!((totals.in_flight, totals.waiting), (0, 0), "a permit leaked");
}

/// Who waits because of a mode learns when that ends, also when it was to end later before.
fn a_waiter_of_a_rate_limit() {
    let (line, mut spots) = full(1_000, 1);
    let engine = Shared::new((line, Lever::new(Mode::Off)));
    engine.1.set_override(set(Mode::Enforce, Instant::NEVER));
    let mut spot = spots.remove(0);
    let thread = spawn(0, &engine, move |(line, lever): &(Shared<Limit>, Lever)| {
        let passes = || mode(lever, at(0)) != Mode::Enforce;
        // It sleeps until it is woken or until then.
        wait_for(|waker| match line.look(&mut spot, at(0), waker, passes) {
            Look::At(due) => (due.min(mode_until(lever, at(0)).1) == at(10)).then_some(()),
            other => panic!("{other:?}"),
        });
        line.leave(&mut spot);
    });
    let (line, lever) = &*engine;
    lever.set_override(set(Mode::Enforce, at(10)));
    line.wake_all();
    join(thread);
    assert_eq!(mode(lever, at(10)), Mode::Off);
}

/// Its failure opens the breaker again, or decides nothing; then the slot is free.
fn a_trial_call_against_a_switch() {
    let (shell, trial) = half_opened(settings());
    let engine = Shared::new((shell, Lever::new(Mode::Enforce)));
    let thread = spawn(0, &engine, |(shell, lever)| {
        lever.set_own(Mode::Off);
        let passed = shell.admit_at(at(11), mode(lever, at(11))).0.expect("off");
        wake(shell.settle(passed, Instant::NEVER, FAILURE, mode(lever, at(11)), || at(11)));
        lever.set_own(Mode::Enforce);
        wake(shell.wake(at(11)));
    });
    let (shell, lever) = &*engine;
    let mode = mode(lever, at(11));
    wake(shell.settle(trial, Instant::NEVER, FAILURE, mode, || at(11)));
    join(thread);
    match mode {
        Mode::Enforce => assert_eq!(shell.state(), CircuitState::Open),
        _ => assert!(shell.admit_at(at(11), Mode::Enforce).0.is_ok(), "a slot was lost"),
    }
}

/// Who waits for the slot gets it.
fn a_waiter_of_a_breaker() {
    let (shell, trial) = half_opened(settings());
    let shell = Shared::new(shell);
    let thread = spawn(0, &shell, move |shell: &Shell| {
        wake(shell.settle(trial, Instant::NEVER, FAILURE, Mode::Off, || at(11)));
    });
    let mut id = None;
    wait_for(|waker| shell.wait_at(at(11), &mut id, waker).is_none().then_some(()));
    assert!(shell.admit_at(at(11), Mode::Enforce).0.is_ok(), "a slot was lost");
    join(thread);
}
