//! The last minutes of each engine, in memory and bounded. Plain data: `now` comes in.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ::serde::Serialize;

use super::tally::Tally;
use crate::algo::histogram::Histogram;
use crate::name::Name;
use crate::sync::Arc;
use crate::units::Instant;

/// How far apart two looks are.
pub(super) const STEP: Duration = Duration::from_secs(1);
/// How many steps are kept: five minutes.
pub(super) const STEPS: usize = 300;
/// Of how many engines. One takes some 20 kB.
pub(super) const MOST: usize = 256;
/// How many steps are kept of the others: what it takes to tell how bad it is.
const FEW: usize = 5;
/// What is called a minute.
const MINUTE: usize = 60;
/// Histograms are large, so of them a minute is kept in steps of ten seconds.
const TIMES_STEP: Duration = Duration::from_secs(10);
const TIMES: usize = 7;

/// Stack, layer and name.
pub(super) type Key = (Name, &'static str, Name);

/// What is kept of all engines. A copy of it shares the tracks: it can be read while the next look is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    tracks: HashMap<Key, Arc<Track>>,
}

/// What is kept of one engine: its counters at the end of each step, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// Whether it is one of the [`MOST`] of which minutes are kept.
    is_long: bool,
    looks: VecDeque<(Instant, Tally)>,
    /// How long calls took, at the end of some of them.
    times: VecDeque<(Instant, Histogram)>,
}

/// One engine at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) key: Key,
    pub(super) tally: Tally,
    pub(super) times: Option<&'a Histogram>,
}

/// What happened in one step, per second; `in_flight` is what there was at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Recent {
    calls: f64,
    rejected: f64,
    failed: f64,
    in_flight: u64,
}

/// What happened in the last minute, in numbers of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Minute {
    calls: u64,
    attempts: u64,
    rejected: u64,
    failed: u64,
}

/// Each step, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Series {
    calls: Vec<f64>,
    rejected: Vec<f64>,
    failed: Vec<f64>,
    in_flight: Vec<u64>,
}

impl History {
    /// Adds a look at all engines, and lets go of those that are gone.
    pub(super) fn look<'a>(&mut self, now: Instant, engines: impl Iterator<Item = Seen<'a>>) {
        let mut long = self.tracks.values().filter(|track| track.is_long).count();
        for Seen { key, tally, times } in engines {
            let track = Arc::make_mut(self.tracks.entry(key).or_default());
            if !track.is_long && long < MOST {
                track.is_long = true;
                long += 1;
            }
            track.push(now, tally);
            track.push_times(now, times);
        }
        let is_there = |track: &Track| track.looks.back().is_some_and(|(at, _)| *at == now);
        self.tracks.retain(|_, track| is_there(track));
    }

    pub(super) fn of(&self, key: &Key) -> Option<&Track> {
        self.tracks.get(key).map(|track| &**track)
    }

    /// Of how many engines only the last seconds are kept.
    pub(super) fn short(&self) -> usize {
        self.tracks.values().filter(|track| !track.is_long).count()
    }
}

impl Track {
    fn push(&mut self, now: Instant, tally: Tally) {
        // Another engine of the same identity, in place of one that is gone.
        if self.looks.back().is_some_and(|(_, before)| !tally.follows(before)) {
            self.looks.clear();
            self.times.clear();
        }
        if self.looks.len() > if self.is_long { STEPS } else { FEW } {
            self.looks.pop_front();
        }
        self.looks.push_back((now, tally));
    }

    fn push_times(&mut self, now: Instant, times: Option<&Histogram>) {
        let is_due = self.times.back().is_none_or(|(at, _)| now.saturating_since(*at) >= TIMES_STEP);
        if let Some(times) = times
            && self.is_long
            && is_due
        {
            if self.times.len() >= TIMES {
                self.times.pop_front();
            }
            self.times.push_back((now, times.clone()));
        }
    }

    /// How long calls took in the last minute, given how long they took ever; if a minute is kept.
    pub(super) fn last_minute(&self, times: &Histogram) -> Option<Histogram> {
        let earlier = self.times.front();
        self.is_long.then(|| earlier.map_or_else(|| times.clone(), |(_, earlier)| times.since(earlier)))
    }

    pub(super) fn recent(&self) -> Recent {
        let last = self.looks.len().saturating_sub(1);
        match (last.checked_sub(1).and_then(|before| self.looks.get(before)), self.looks.get(last)) {
            (Some(before), Some(after)) => between(before, after),
            _ => Recent::default(),
        }
    }

    /// If a minute is kept.
    pub(super) fn minute(&self) -> Option<Minute> {
        let (_, now) = self.looks.back().filter(|_| self.is_long)?;
        let since = self.looks.len().saturating_sub(1).saturating_sub(MINUTE);
        let before = self.looks.get(since).map(|(_, before)| *before).unwrap_or_default();
        Some(Minute {
            calls: now.calls.saturating_sub(before.calls),
            attempts: now.attempts.saturating_sub(before.attempts),
            rejected: now.rejected.saturating_sub(before.rejected),
            failed: now.failed.saturating_sub(before.failed),
        })
    }

    pub(super) fn series(&self) -> Series {
        let steps: Vec<_> =
            self.looks.iter().zip(self.looks.iter().skip(1)).map(|(a, b)| between(a, b)).collect();
        Series {
            calls: steps.iter().map(|step| step.calls).collect(),
            rejected: steps.iter().map(|step| step.rejected).collect(),
            failed: steps.iter().map(|step| step.failed).collect(),
            in_flight: steps.iter().map(|step| step.in_flight).collect(),
        }
    }
}

fn between((from, before): &(Instant, Tally), (to, after): &(Instant, Tally)) -> Recent {
    let time = to.saturating_since(*from);
    let per_second = |after: u64, before: u64| rate(after.saturating_sub(before), time);
    Recent {
        calls: per_second(after.calls, before.calls),
        rejected: per_second(after.rejected, before.rejected),
        failed: per_second(after.failed, before.failed),
        in_flight: after.in_flight,
    }
}

/// With one digit after the point: more nobody sees, and it makes the JSON long.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { (count as f64 / seconds * 10.0).round() / 10.0 } else { 0.0 }
}

#[cfg(test)]
mod tests;
