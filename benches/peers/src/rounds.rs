//! Runs all subjects in turn, in many short rounds, so that whatever the machine does meanwhile happens to all.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use crate::alloc;
use crate::report::machine::Versions;
use crate::rows::Row;
use crate::stats::Spread;
use crate::subjects::{Maker, Subject};

/// How long and how often.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    pub rounds: usize,
    pub millis: u64,
}

/// What a row came to.
#[derive(Clone, Debug, Serialize)]
pub struct RowResult {
    pub id: &'static str,
    pub title: &'static str,
    pub charted: bool,
    /// The bare service, in ns per call.
    pub bare_ns: Spread,
    pub subjects: Vec<SubjectResult>,
}

/// What a subject came to.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectResult {
    pub maker: Maker,
    pub version: String,
    pub what: &'static str,
    pub note: &'static str,
    pub whole: bool,
    pub core: bool,
    /// ns per call over the bare service of the same round.
    pub over_ns: Spread,
    /// The share of the rounds in which somebody else ran on its processor; up to four are taken again.
    pub disturbed_percent: f64,
    /// Per call, above the bare service.
    pub allocations: f64,
    pub bytes: f64,
    pub future_bytes: Option<i64>,
    pub bytes_per_key: Option<f64>,
}

/// A subject, how many of its calls fill a round, and what the rounds said.
struct Lane {
    subject: Subject,
    calls: u64,
    nanos: Vec<f64>,
    rounds: usize,
    disturbed: usize,
}

/// How often the kernel took the processor from this process before it was done.
fn interrupted() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.involuntary_context_switches())
}

impl Lane {
    /// Warms up for a few rounds.
    fn new(mut subject: Subject, plan: Plan) -> Self {
        let round = Duration::from_millis(plan.millis);
        let until = Instant::now() + 3 * round;
        let mut calls = 1;
        loop {
            let took = (subject.run)(calls);
            let fits = round.as_secs_f64() / took.as_secs_f64().max(1e-9) * calls as f64;
            if Instant::now() >= until {
                return Self { subject, calls: (fits as u64).max(1), nanos: vec![], rounds: 0, disturbed: 0 };
            }
            calls = (fits as u64).clamp(1, calls * 10);
        }
    }

    /// Once more if the kernel let somebody else run meanwhile, but not for ever.
    fn round(&mut self) {
        for last in [false, false, false, false, true] {
            let before = interrupted();
            let took = (self.subject.run)(self.calls);
            let disturbed = interrupted() != before;
            self.rounds += 1;
            self.disturbed += usize::from(disturbed);
            if last || !disturbed {
                return self.nanos.push(took.as_nanos() as f64 / self.calls as f64);
            }
        }
    }

    /// Allocations and bytes per call, by all threads that make calls.
    fn allocations(&mut self) -> (f64, f64) {
        const CALLS: u64 = 1_000;
        let (_, counted) = alloc::count(|| (self.subject.run)(CALLS));
        let calls = (CALLS * self.subject.threads) as f64;
        (counted.calls as f64 / calls, counted.bytes as f64 / calls)
    }
}

/// Runs the whole of the comparison of cost.
pub fn run(rows: Vec<Row>, plan: Plan, versions: &Versions, mut tell: impl FnMut(usize)) -> Vec<RowResult> {
    let mut lanes: Vec<_> = rows.into_iter().map(|row| Lanes::new(row, plan)).collect();
    for round in 0..plan.rounds {
        tell(round);
        lanes.iter_mut().for_each(Lanes::round);
    }
    lanes.into_iter().map(|lanes| lanes.result(versions)).collect()
}

struct Lanes {
    id: &'static str,
    title: &'static str,
    charted: bool,
    bare: Lane,
    others: Vec<Lane>,
}

impl Lanes {
    fn new(row: Row, plan: Plan) -> Self {
        let Row { id, title, charted, bare, subjects } = row;
        let others = subjects.into_iter().map(|subject| Lane::new(subject, plan)).collect();
        Self { id, title, charted, bare: Lane::new(bare, plan), others }
    }

    fn round(&mut self) {
        self.bare.round();
        self.others.iter_mut().for_each(Lane::round);
    }

    fn result(mut self, versions: &Versions) -> RowResult {
        let bare = self.bare.nanos.clone();
        let nothing = self.bare.allocations();
        let subjects = self.others.into_iter().map(|lane| lane.result(&bare, nothing, versions)).collect();
        RowResult {
            id: self.id,
            title: self.title,
            charted: self.charted,
            bare_ns: Spread::of(&bare),
            subjects,
        }
    }
}

impl Lane {
    fn result(mut self, bare: &[f64], nothing: (f64, f64), versions: &Versions) -> SubjectResult {
        let (allocations, bytes) = self.allocations();
        let over: Vec<_> = self.nanos.iter().zip(bare).map(|(with, without)| with - without).collect();
        let disturbed = round(100.0 * self.disturbed as f64 / self.rounds.max(1) as f64);
        let Subject { maker, what, note, whole, core, future, per_key, .. } = self.subject;
        SubjectResult {
            maker,
            version: versions.of(maker),
            what,
            note,
            whole,
            core,
            over_ns: Spread::of(&over),
            disturbed_percent: disturbed,
            allocations: round(allocations - nothing.0),
            bytes: round(bytes - nothing.1),
            future_bytes: future,
            bytes_per_key: per_key.map(round),
        }
    }
}

/// To a tenth, and never below zero by as much as counting is off.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}
