//! Runs all subjects in turn, in many short rounds, so that whatever the machine does meanwhile happens to all.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::lane::Lane;
use crate::report::machine::Versions;
use crate::rows::Row;
use crate::stats::{Spread, above};
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
    /// What those without a tower layer are taken over, if that is another.
    pub bare_core_ns: Option<Spread>,
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
    /// What ours takes more than this one, in the same round.
    pub ours_above_ns: Option<Spread>,
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
            lanes.iter_mut().for_each(|lanes| lanes.round(round));
        })
        .count();
    lanes.into_iter().map(|lanes| lanes.result(versions)).collect()
}

struct Lanes {
    id: &'static str,
    title: &'static str,
    charted: bool,
    /// The bare service, that of the cores if it is another, and then the subjects.
    lanes: Vec<Lane>,
    bare: usize,
}

impl Lanes {
    fn new(row: Row, plan: Plan) -> Self {
        let Row { id, title, charted, bare, bare_core, subjects } = row;
        let bares: Vec<_> = std::iter::once(bare).chain(bare_core).collect();
        let bare = bares.len();
        let lanes = bares.into_iter().chain(subjects).map(|subject| Lane::new(subject, plan)).collect();
        Self { id, title, charted, lanes, bare }
    }

    /// Each is the first in its turn, since it matters who ran before.
    fn round(&mut self, round: usize) {
        let first = round % self.lanes.len();
        let (after, before) = self.lanes.split_at_mut(first);
        before.iter_mut().chain(after).for_each(Lane::round);
    }

    fn result(mut self, versions: &Versions) -> RowResult {
        let lanes = self.lanes.split_off(self.bare);
        let mut bares = self.lanes.into_iter().map(Lane::bare);
        let bare = bares.next().expect("a bare service");
        let bare_core = bares.next();
        let bare_of = |lane: &Lane| bare_core.as_ref().filter(|_| lane.core()).unwrap_or(&bare);
        let over: Vec<_> = lanes.iter().map(|lane| above(&lane.nanos, &bare_of(lane).nanos)).collect();
        let ours = lanes.iter().position(|lane| lane.maker() == Maker::Buttress);
        let results = lanes.into_iter().zip(&over).map(|(lane, over_bare)| {
            let ours_above = ours.filter(|_| lane.maker() != Maker::Buttress);
            let ours_above = ours_above.map(|ours| Spread::of(&above(&over[ours], over_bare)));
            let nothing = bare_of(&lane).allocations;
            SubjectResult { ours_above_ns: ours_above, ..lane.result(over_bare, nothing, versions) }
        });
        RowResult {
            id: self.id,
            title: self.title,
            charted: self.charted,
            subjects: results.collect(),
            bare_ns: Spread::of(&bare.nanos),
            bare_core_ns: bare_core.as_ref().map(|bare| Spread::of(&bare.nanos)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::subjects::Subject;

    const PLAN: Plan = Plan { rounds: 4, millis: 0, seconds: 1 };

    /// Says that each call takes so many nanoseconds.
    fn takes(maker: Maker, nanos: u64) -> Subject {
        Subject::new(maker, "", Box::new(move |calls| Duration::from_nanos(nanos * calls)))
    }

    fn results(bare_core: Option<Subject>, subjects: Vec<Subject>) -> RowResult {
        let bare = takes(Maker::Bare, 1_000);
        let row = Row { id: "row", title: "a row", charted: true, bare, bare_core, subjects };
        let results = run(vec![row], &mut PLAN.clone(), &Versions::locked(), |_| ());
        results.into_iter().next().expect("a row")
    }

    fn medians(row: &RowResult) -> Vec<(f64, Option<f64>)> {
        let median = |subject: &SubjectResult| {
            (subject.over_ns.median, subject.ours_above_ns.map(|above| above.median))
        };
        row.subjects.iter().map(median).collect()
    }

    #[test]
    fn each_is_over_its_own_bare_one_and_ours_is_compared_with_each() {
        let subjects = || {
            vec![
                takes(Maker::Buttress, 5_000),
                takes(Maker::Tower, 3_000),
                takes(Maker::Governor, 2_500).core(),
            ]
        };
        let alike = results(None, subjects());
        assert_eq!(medians(&alike), [(4_000.0, None), (2_000.0, Some(2_000.0)), (1_500.0, Some(2_500.0))]);
        let cores = results(Some(takes(Maker::Bare, 500)), subjects());
        assert_eq!(medians(&cores), [(4_000.0, None), (2_000.0, Some(2_000.0)), (2_000.0, Some(2_000.0))]);
        assert_eq!(
            (cores.bare_ns.median, cores.bare_core_ns.map(|bare| bare.median)),
            (1_000.0, Some(500.0))
        );
    }

    #[test]
    fn each_is_first_in_its_turn() {
        let turns = Rc::new(RefCell::new(vec![]));
        let noting = |who: usize| {
            let turns = Rc::clone(&turns);
            let run = move |_| {
                turns.borrow_mut().push(who);
                Duration::from_nanos(1)
            };
            Subject::new(Maker::Bare, "", Box::new(run))
        };
        let [bare, one, two] = [0, 1, 2].map(noting);
        let row = Row { id: "", title: "", charted: true, bare, bare_core: None, subjects: vec![one, two] };
        let mut lanes = Lanes::new(row, PLAN);
        let order = [0, 1, 2, 3].map(|round| {
            turns.borrow_mut().clear();
            lanes.round(round);
            // A round that was disturbed is taken again.
            let mut order = turns.borrow().clone();
            order.dedup();
            order
        });
        assert_eq!(order, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
    }
}
