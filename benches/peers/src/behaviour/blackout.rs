//! A dependency that is healthy, then fails everything for a while, and then is healthy again.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::breaker::{Ask, Breaker, Outcome};
use super::breakers::defaults;
use super::{Cell, Scene};
use crate::report::words::{seconds, thousands};

/// Between two calls: 200 in a second.
const STEP: Duration = Duration::from_millis(5);
const HEALTHY: Duration = Duration::from_secs(5);
const BLACKOUT: Duration = Duration::from_secs(3);
/// So many calls in a row are answered by a breaker that is closed.
const CLOSED: usize = 100;

/// Breakers of each kind.
const SEVERAL: usize = 5;

/// What became of each call after the healthy time, and when it was made, counted from the blackout's begin.
type Log = Vec<(Duration, Outcome)>;

pub async fn scene(quick: bool) -> Scene {
    let patience = Duration::from_secs(if quick { 6 } else { 45 });
    let healthy = if quick { Duration::from_secs(2) } else { HEALTHY };
    let live = |breaker| tokio::spawn(lived(breaker, healthy, patience));
    let tasks: Vec<_> = (0..SEVERAL).flat_map(|_| defaults()).map(live).collect();
    let mut lives = Vec::new();
    for task in tasks {
        lives.push(task.await.expect("no task panics"));
    }
    let kinds = lives.len() / SEVERAL;
    let rows = (0..kinds).map(|kind| {
        let many: Vec<_> = lives.iter().skip(kind).step_by(kinds).map(|(_, figures)| *figures).collect();
        lives[kind].0.row(cells(&many, patience))
    });
    Scene {
        id: "blackout",
        title: "A blackout of 3 s",
        about: format!(
            "at 200 calls per second, after {} of health; each breaker with its default settings, but for the window \
             where one is named; the median of {SEVERAL}.",
            seconds(healthy.as_secs_f64())
        ),
        columns: [
            "opens after",
            "calls sent into it, of 600",
            "after its end, all calls answered again",
            "healthy calls refused after it",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

async fn lived(breaker: Breaker, healthy: Duration, patience: Duration) -> (Breaker, Figures) {
    let begin = Instant::now() + healthy;
    let mut log = Log::new();
    let mut ticks = interval(STEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while log.last().is_none_or(|(at, _)| *at < BLACKOUT + patience) && !is_over(&log) {
        ticks.tick().await;
        let at = Instant::now().checked_duration_since(begin);
        let fails = at.is_some_and(|at| at < BLACKOUT);
        let outcome = breaker.ask(if fails { Ask::Fail } else { Ask::Succeed }).await;
        log.extend(at.map(|at| (at, outcome)));
    }
    (breaker, Figures::of(&log))
}

/// Whether it is closed again.
fn is_over(log: &Log) -> bool {
    let last = log.iter().rev().take(CLOSED);
    log.last().is_some_and(|(at, _)| *at > BLACKOUT + CLOSED as u32 * STEP)
        && last.clone().count() == CLOSED
        && last.into_iter().all(|(at, outcome)| *at >= BLACKOUT && *outcome == Outcome::Answered)
}

/// What one of them did.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figures {
    /// After the blackout's begin.
    opened: Option<f64>,
    /// Calls that the dependency got during the blackout.
    sent: f64,
    /// After the blackout's end.
    again: Option<f64>,
    /// Calls that were refused though the dependency was healthy.
    lost: f64,
}

impl Figures {
    fn of(log: &Log) -> Self {
        let during = || log.iter().filter(|(at, _)| *at < BLACKOUT);
        let after = || log.iter().filter(|(at, _)| *at >= BLACKOUT);
        let refused = |call: &&(Duration, Outcome)| call.1 == Outcome::Refused;
        let last = after().rfind(refused).map(|(at, _)| *at + STEP - BLACKOUT);
        Self {
            opened: during().find(refused).map(|(at, _)| at.as_secs_f64()),
            sent: during().filter(|(_, outcome)| *outcome == Outcome::Failed).count() as f64,
            again: is_over(log).then_some(last.unwrap_or_default().as_secs_f64()),
            lost: after().filter(refused).count() as f64,
        }
    }
}

/// The median of several, and the range if it is wide: some draw their open time.
fn cells(many: &[Figures], patience: Duration) -> Vec<Cell> {
    let number = |value: f64| thousands(value as u64);
    let again = |value: f64| if value == 0.0 { "at once".to_owned() } else { seconds(value) };
    let not_within = format!("not within {}", seconds(patience.as_secs_f64()));
    vec![
        cell(many.iter().map(|figures| figures.opened), "never", seconds),
        cell(many.iter().map(|figures| Some(figures.sent)), "", number),
        cell(many.iter().map(|figures| figures.again), &not_within, again),
        cell(many.iter().map(|figures| Some(figures.lost)), "", number),
    ]
}

fn cell(values: impl Iterator<Item = Option<f64>>, none: &str, tell: impl Fn(f64) -> String) -> Cell {
    // One that never did is the worst of them.
    let mut values: Vec<_> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    let tell = |value: f64| if value.is_finite() { tell(value) } else { none.to_owned() };
    let (Some(&least), Some(&most)) = (values.first(), values.last()) else { return Cell::none("–") };
    let median = values[values.len() / 2];
    let text = if most - least > 0.1 * least + 0.05 {
        format!("{} ({} … {})", tell(median), tell(least), tell(most))
    } else {
        tell(median)
    };
    Cell { value: Some(median).filter(|median| median.is_finite()), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of which `refused` tells by time in ms.
    fn log(until: u64, refused: impl Fn(u64) -> bool) -> Log {
        let outcome = |at| match at {
            at if refused(at) => Outcome::Refused,
            at if at < 3_000 => Outcome::Failed,
            _ => Outcome::Answered,
        };
        (0..until).step_by(5).map(|at| (Duration::from_millis(at), outcome(at))).collect()
    }

    #[test]
    fn tells_when_it_opened_and_closed() {
        let figures = Figures::of(&log(5_000, |at| (500..4_200).contains(&at)));
        assert_eq!(figures, Figures { opened: Some(0.5), sent: 100.0, again: Some(1.2), lost: 240.0 });
    }

    #[test]
    fn tells_that_it_never_did() {
        let never = Figures::of(&log(4_000, |_| false));
        assert_eq!(never, Figures { opened: None, sent: 600.0, again: Some(0.0), lost: 0.0 });
        assert_eq!(Figures::of(&log(4_000, |at| at >= 500)).again, None);
    }

    #[test]
    fn tells_the_range_of_several() {
        let one = Figures { opened: Some(1.0), sent: 200.0, again: Some(0.0), lost: 0.0 };
        let other = Figures { again: Some(3.0), lost: 600.0, ..one };
        let stuck = Figures { again: None, lost: 9_000.0, ..one };
        let texts = |many: &[Figures]| {
            cells(many, Duration::from_secs(45)).into_iter().map(|cell| cell.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(&[one; 3]), ["1.0 s", "200", "at once", "0"]);
        let mixed = ["1.0 s", "200", "3.0 s (at once … not within 45.0 s)", "600 (0 … 9,000)"];
        assert_eq!(texts(&[one, other, stuck]), mixed);
        assert_eq!(cells(&[stuck; 3], Duration::ZERO)[2].value, None);
    }
}
