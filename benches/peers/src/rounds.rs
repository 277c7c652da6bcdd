//! Runs all subjects in turn, in many short rounds, so that whatever the machine does meanwhile happens to all.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::lane::Lane;
use crate::report::machine::Versions;
use crate::rows::Row;
use crate::stats::Spread;
use crate::subjects::Maker;

/// How long and how often.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// At most; on a machine that is busy with others there are fewer.
    pub rounds: usize,
    pub millis: u64,
    /// No round begins after so much time, but for the first few.
    pub seconds: u64,
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
    /// The traffic it saw here, of those whose cost depends on it.
    pub calls_per_second: Option<f64>,
}

/// Runs the whole of the comparison of cost.
pub fn run(
    rows: Vec<Row>,
    plan: &mut Plan,
    versions: &Versions,
    mut tell: impl FnMut(usize),
) -> Vec<RowResult> {
    const FEW: usize = 10;
    let mut lanes: Vec<_> = rows.into_iter().map(|row| Lanes::new(row, *plan)).collect();
    let until = Instant::now() + Duration::from_secs(plan.seconds);
    let rounds = (0..plan.rounds).take_while(|&round| round < FEW || Instant::now() < until);
    plan.rounds = rounds
        .map(|round| {
            tell(round);
            lanes.iter_mut().for_each(Lanes::round);
        })
        .count();
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
