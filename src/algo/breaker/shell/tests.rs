#![allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

mod differential;
mod liveness;
mod looks;
mod model;
mod places;
mod threads;

use std::time::Duration;

use super::*;
use crate::algo::breaker::open_time::OpenTime;
use crate::algo::breaker::phase::Refusal;
use crate::algo::breaker::report::Totals;
use crate::algo::breaker::rules::{OutageRule, SlowRule, TrialRule};
use crate::algo::breaker::state::CircuitState;
use crate::algo::breaker::ticket::{Ending, Outlook, Ticket};
use crate::algo::window::Shape;
use crate::mode::Mode;
use crate::units::Ratio;

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::from_nanos(0).saturating_add(Duration::from_millis(millis))
}

/// The last 10 calls, at least 10, half of them; 10 s open; 3 trial calls of which 3 must succeed, 5 s each.
fn settings() -> Settings {
    Settings {
        window: Shape::Last(10),
        min_calls: 10,
        failure_rate: Ratio::new("failure_rate", 0.5).unwrap(),
        outage: None,
        slow: None,
        trials: TrialRule { calls: 3, successes: 3, timeout: 5 * SECOND },
        open_time: OpenTime { base: 10 * SECOND, factor: 1.0, cap: 10 * SECOND, jitter: 0.0 },
        cancelled_after: None,
    }
}

fn shell(settings: Settings) -> Shell {
    Shell::new(settings, Rng::new(Some(1)), at(0), || 1)
}

fn admit(shell: &Shell, now: Instant) -> Result<Ticket, Refusal> {
    match shell.admit_closed() {
        Some((ticket, _)) => Ok(ticket),
        None => shell.admit_at(now, Mode::Enforce).0,
    }
}

fn settle(shell: &Shell, ticket: Ticket, ending: Ending, now: Instant) {
    settle_as(shell, (ticket, Instant::NEVER), ending, Mode::Enforce, now);
}

fn settle_as(shell: &Shell, (ticket, started): (Ticket, Instant), ending: Ending, mode: Mode, now: Instant) {
    if ending != Ending::Success || !shell.settle_success(ticket, started, mode, || now) {
        drop(shell.settle(ticket, started, ending, mode, || now));
    }
}

const FAILURE: Ending = Ending::Failure("error");

#[test]
fn cb_41_counts_stay_at_their_maximum() {
    let shell = shell(Settings { window: Shape::Time { bucket: SECOND, buckets: 10 }, ..settings() });
    let near = u64::MAX - 2;
    let side = &shell.side;
    shell.tally.preset_admitted(near);
    let all = [&side.refused, &side.not_ready, &side.would_reject, &side.throttled];
    let more = [&side.ignored, &side.cancelled, &side.panicked, &side.late];
    all.into_iter().chain(more).for_each(|count| count.preset(near));
    {
        let mut locked = lock(&shell.locked);
        (locked.succeeded, locked.failed) = (near, near);
        locked.machine.push_successes(near);
    }
    let by_panic = Ending::Cancelled { by_panic: true };
    for ending in [Ending::Success, FAILURE, Ending::Throttled, Ending::Ignored, by_panic] {
        for _ in 0..5 {
            let ticket = admit(&shell, at(1)).unwrap();
            settle(&shell, ticket, ending, at(1));
        }
    }
    for _ in 0..5 {
        shell.count_refused();
        shell.count_not_ready();
    }
    let (view, totals) = shell.view_at(at(1));
    let Totals { admitted, succeeded, failed, throttled, ignored, cancelled, panicked, .. } = totals;
    let counts = [admitted, succeeded, failed, throttled, ignored, cancelled, panicked];
    assert_eq!(counts, [u64::MAX; 7]);
    assert_eq!((totals.refused, totals.not_ready, totals.late), (u64::MAX, u64::MAX, near));
    assert_eq!((view.evidence.counts.recorded, view.state), (u64::MAX, CircuitState::Closed));
}

#[test]
fn a_full_tally_is_taken_by_whoever_fills_it() {
    let shell = shell(settings());
    let ticket = admit(&shell, at(0)).unwrap();
    // The first one joins, under the lock.
    for _ in 0..=Tally::FULL {
        settle(&shell, ticket, Ending::Success, at(0));
    }
    assert_eq!(lock(&shell.locked).succeeded, Tally::FULL + 1);
}
