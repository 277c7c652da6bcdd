//! A dependency that is healthy, then fails everything for a while, and then is healthy again.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::breaker::{Ask, Breaker, Outcome};
use super::breakers::defaults;
use super::{Cell, Scene, SceneRow};
use crate::report::words::{seconds, thousands};

/// Between two calls: 200 in a second.
const STEP: Duration = Duration::from_millis(5);
const HEALTHY: Duration = Duration::from_secs(5);
const BLACKOUT: Duration = Duration::from_secs(3);
/// So many calls in a row are answered by a breaker that is closed.
const CLOSED: usize = 100;

/// What became of each call after the healthy time, and when it was made, counted from the blackout's begin.
type Log = Vec<(Duration, Outcome)>;

pub async fn scene(quick: bool) -> Scene {
    let patience = Duration::from_secs(if quick { 10 } else { 45 });
    let healthy = if quick { Duration::from_secs(2) } else { HEALTHY };
    let tasks: Vec<_> =
        defaults().into_iter().map(|breaker| tokio::spawn(lived(breaker, healthy, patience))).collect();
    let mut rows = Vec::new();
    for task in tasks {
        rows.push(task.await.expect("no task panics"));
    }
    Scene {
        id: "blackout",
        title: "A blackout of 3 s",
        about: format!(
            "at 200 calls per second, after {} of health; each breaker with its default settings.",
            seconds(healthy.as_secs_f64())
        ),
        columns: [
            "opens after",
            "calls sent into it, of 600",
            "all calls answered again",
            "healthy calls refused after it",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
    }
}

async fn lived(breaker: Breaker, healthy: Duration, patience: Duration) -> SceneRow {
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
    breaker.row(cells(&log, patience))
}

/// Whether it is closed again.
fn is_over(log: &Log) -> bool {
    let last = log.iter().rev().take(CLOSED);
    log.last().is_some_and(|(at, _)| *at > BLACKOUT + CLOSED as u32 * STEP)
        && last.clone().count() == CLOSED
        && last.into_iter().all(|(at, outcome)| *at >= BLACKOUT && *outcome == Outcome::Answered)
}

fn cells(log: &Log, patience: Duration) -> Vec<Cell> {
    let during = || log.iter().filter(|(at, _)| *at < BLACKOUT);
    let after = || log.iter().filter(|(at, _)| *at >= BLACKOUT);
    let refused = |call: &&(Duration, Outcome)| call.1 == Outcome::Refused;
    let opened = during().find(refused).map(|(at, _)| at.as_secs_f64());
    let sent = during().filter(|(_, outcome)| *outcome == Outcome::Failed).count();
    let lost = after().filter(refused).count();
    let last_refused = after().rfind(refused).map(|(at, _)| *at + STEP - BLACKOUT);
    vec![
        opened.map_or(Cell::none("never"), |opened| Cell::new(opened, seconds(opened))),
        Cell::new(sent as f64, thousands(sent as u64)),
        match last_refused.unwrap_or_default().as_secs_f64() {
            _ if !is_over(log) => Cell::none(format!("not within {}", seconds(patience.as_secs_f64()))),
            0.0 => Cell::new(0.0, "at once"),
            again => Cell::new(again, format!("{} after its end", seconds(again))),
        },
        Cell::new(lost as f64, thousands(lost as u64)),
    ]
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
        let log = log(5_000, |at| (500..4_200).contains(&at));
        let texts: Vec<_> = cells(&log, Duration::from_secs(45)).into_iter().map(|cell| cell.text).collect();
        assert_eq!(texts, ["500 ms", "100", "1.2 s after its end", "240"]);
    }

    #[test]
    fn tells_that_it_never_did() {
        let never: Vec<_> =
            cells(&log(4_000, |_| false), Duration::ZERO).into_iter().map(|cell| cell.text).collect();
        assert_eq!(never, ["never", "600", "at once", "0"]);
        let stuck = cells(&log(4_000, |at| at >= 500), Duration::from_secs(1));
        assert_eq!(stuck[2].text, "not within 1.0 s");
    }
}
