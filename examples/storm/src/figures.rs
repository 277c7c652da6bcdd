//! What a record amounts to. Pure: a record in, numbers out.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::lateness::Late;
use crate::record::{BUCKET, Call, Circuit, End, Health, LaneName, Record, bucket_of};
use crate::scene::Fault;

/// Goodput is back when at least this share of calls is answered.
const GOOD: f64 = 0.99;
/// The time over which a share is taken.
const WINDOW: f64 = 1.0;

#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub lane: LaneName,
    pub calls: usize,
    /// The share of calls that were answered with 2xx.
    pub success: f64,
    /// Times to *any* answer over all calls, in ms.
    pub p50: f64,
    pub p99: f64,
    /// How often the breakers of the lane opened, all together; `None` without breakers.
    pub opened: Option<usize>,
    pub faults: Vec<FaultFigures>,
    /// Why calls failed, the most frequent cause first.
    pub causes: Vec<(String, usize)>,
    /// The most requests that waited in the upstream, and the most calls that users waited for.
    pub peak_queue: usize,
    pub peak_waiting: usize,
    /// Requests that the upstream still worked on at the end although nobody waited for them.
    pub left_over: u64,
    pub health: Option<Health>,
    pub late: Late,
}

#[derive(Clone, Debug, Serialize)]
pub struct FaultFigures {
    pub fault: Fault,
    /// Answered calls per second, and as a share, among those that were due during the fault.
    pub goodput: f64,
    pub success: f64,
    /// The share of answered calls among those due between its end and the next fault.
    pub after: f64,
    /// Requests at the upstream for each call.
    pub amplification: f64,
    /// From the start of the fault until each client's breaker opened, in seconds.
    pub opened: Vec<Option<f64>>,
    /// From the end of the fault until goodput stays good, in seconds, if it did before the next one.
    pub recovered: Option<f64>,
}

impl Figures {
    pub fn of(record: &Record) -> Self {
        let times = times(&record.calls);
        let good = record.calls.iter().filter(|call| call.end.is_good()).count();
        Self {
            lane: record.lane.clone(),
            calls: record.calls.len(),
            success: share(good, record.calls.len()),
            p50: times.value_at_quantile(0.5) as f64 / 1e3,
            p99: times.value_at_quantile(0.99) as f64 / 1e3,
            opened: opened(record),
            faults: record.scene.faults().into_iter().map(|fault| FaultFigures::of(record, fault)).collect(),
            causes: causes(&record.calls),
            peak_queue: record.samples.iter().map(|sample| sample.queued).max().unwrap_or(0),
            peak_waiting: record.samples.iter().map(|sample| sample.waiting).max().unwrap_or(0),
            left_over: record.samples.last().map_or(0, |sample| sample.abandoned),
            health: record.health,
            late: record.late,
        }
    }
}

impl FaultFigures {
    fn of(record: &Record, fault: Fault) -> Self {
        let (good, calls) = tally(&record.calls, fault.from, fault.to);
        let (good_after, calls_after) = tally(&record.calls, fault.to, fault.until);
        let sent: u32 = record.upstream[bucket_of(fault.from).min(record.upstream.len())
            ..bucket_of(fault.to).min(record.upstream.len())]
            .iter()
            .sum();
        Self {
            goodput: good as f64 / (fault.to - fault.from),
            success: share(good, calls),
            after: share(good_after, calls_after),
            amplification: f64::from(sent) / (calls.max(1) as f64),
            opened: opened_after(record, fault),
            recovered: recovered_after(&record.calls, fault),
            fault,
        }
    }

    /// Whether the scene goes on after it.
    pub fn has_after(&self) -> bool {
        self.fault.until > self.fault.to
    }

    /// When the last of the clients had opened its breaker.
    pub fn all_opened(&self) -> Option<f64> {
        self.opened.iter().copied().try_fold(0.0, |latest: f64, opened| Some(latest.max(opened?)))
    }

    pub fn first_opened(&self) -> Option<f64> {
        self.opened.iter().copied().flatten().reduce(f64::min)
    }
}

fn times(calls: &[Call]) -> Histogram<u64> {
    // Microseconds up to a minute with three digits: always valid.
    let mut times = Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds are valid");
    for call in calls {
        times.saturating_record((call.took * 1e6) as u64);
    }
    times
}

fn causes(calls: &[Call]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<End, usize> = BTreeMap::new();
    for call in calls.iter().filter(|call| !call.end.is_good()) {
        *counts.entry(call.end).or_default() += 1;
    }
    let mut causes: Vec<_> = counts.into_iter().map(|(end, count)| (end.to_string(), count)).collect();
    causes.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    causes
}

/// Answered calls and all calls among those due in `[from, to)`.
pub fn tally(calls: &[Call], from: f64, to: f64) -> (usize, usize) {
    let due = calls.iter().filter(|call| (from..to).contains(&call.due));
    due.fold((0, 0), |(good, all), call| (good + usize::from(call.end.is_good()), all + 1))
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

fn opened(record: &Record) -> Option<usize> {
    record.samples.first()?.circuits[0]?;
    let pairs = record.samples.windows(2);
    let open = Some(Circuit::Open);
    Some(
        pairs
            .map(|pair| {
                let clients = pair[0].circuits.iter().zip(&pair[1].circuits);
                clients.filter(|(before, after)| **before != open && **after == open).count()
            })
            .sum(),
    )
}

fn opened_after(record: &Record, fault: Fault) -> Vec<Option<f64>> {
    let Some(first) = record.samples.first() else { return Vec::new() };
    let clients = first.circuits.iter().enumerate().filter(|(_, circuit)| circuit.is_some());
    clients
        .map(|(client, _)| {
            let mut during = record.samples.iter().filter(|s| (fault.from..fault.until).contains(&s.at));
            let opened = during.find(|sample| sample.circuits[client] == Some(Circuit::Open))?;
            (opened.at < fault.to).then_some(opened.at - fault.from)
        })
        .collect()
}

/// The first moment after the fault from which on every window is good.
fn recovered_after(calls: &[Call], fault: Fault) -> Option<f64> {
    let steps = ((fault.until - fault.to - WINDOW) / BUCKET).floor();
    if steps < 0.0 {
        return None;
    }
    let windows = (0..=steps as usize).rev().map(|step| fault.to + step as f64 * BUCKET);
    let good = windows.take_while(|&from| {
        let (good, all) = tally(calls, from, from + WINDOW);
        share(good, all) >= GOOD
    });
    good.last().map(|from| from - fault.to)
}

#[cfg(test)]
mod tests;
