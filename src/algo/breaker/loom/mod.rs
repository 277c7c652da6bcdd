#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

pub(crate) mod closed;
pub(crate) mod counts;
pub(crate) mod gate;
pub(crate) mod half_open;
pub(crate) mod hands;

use std::time::Duration;

use super::{After, Ending, OpenTime, Refusal, Settings, Shell, Ticket, TrialRule};
use crate::algo::window::Shape;
use crate::mode::Mode;
use crate::rng::Rng;
use crate::units::{Instant, Ratio};

pub(crate) const FAILURE: Ending = Ending::Failure("error");

pub(crate) fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// Two failures open it, for 10 ns; one trial call that succeeds closes it, and may take 5 ns.
pub(crate) fn settings() -> Settings {
    let nanos = Duration::from_nanos;
    Settings {
        window: Shape::Last(4),
        min_calls: 2,
        failure_rate: Ratio::new("failure_rate", 0.5).expect("a share"),
        outage: None,
        slow: None,
        trials: TrialRule { calls: 1, successes: 1, timeout: nanos(5) },
        open_time: OpenTime { base: nanos(10), factor: 1.0, cap: nanos(10), jitter: 0.0 },
        cancelled_after: None,
    }
}

pub(crate) fn shell(settings: Settings) -> Shell {
    Shell::new(settings, Rng::new(Some(1)), at(0), || 1)
}

/// Until 10.
pub(crate) fn opened(settings: Settings) -> Shell {
    let shell = shell(settings);
    for _ in 0..2 {
        let ticket = admit(&shell, at(0)).expect("closed");
        settle(&shell, ticket, FAILURE, at(0));
    }
    assert_eq!(admit(&shell, at(0)).map_err(|refusal| refusal.until), Err(at(10)));
    shell
}

/// With a trial call.
pub(crate) fn half_opened(settings: Settings) -> (Shell, Ticket) {
    let shell = opened(settings);
    let ticket = admit(&shell, at(10)).expect("the open time is over");
    (shell, ticket)
}

pub(crate) fn admit(shell: &Shell, now: Instant) -> Result<Ticket, Refusal> {
    match shell.admit_closed() {
        Some((ticket, _)) => Ok(ticket),
        None => shell.admit_at(now, Mode::Enforce).0,
    }
}

/// As a call does.
pub(crate) fn settle(shell: &Shell, ticket: Ticket, ending: Ending, now: Instant) {
    let started = Instant::NEVER;
    if ending != Ending::Success || !shell.settle_success(ticket, started, Mode::Enforce, || now) {
        wake(shell.settle(ticket, started, ending, Mode::Enforce, || now));
    }
}

/// Leaves the transitions to be told of where they are.
pub(crate) fn wake(after: After) {
    after.wakers.into_values().for_each(std::task::Waker::wake);
}

/// The transitions that nobody was told of, each of which begins where the one before ended.
fn transitions(shell: &Shell) -> usize {
    let all: Vec<_> =
        std::iter::from_fn(|| shell.next_transition()).map(|queued| queued.transition).collect();
    for pair in all.windows(2) {
        assert_eq!(pair[0].to, pair[1].from, "a transition from nowhere");
    }
    all.len()
}
