//! One sentence when something happens.

use crate::record::{CLIENTS, Circuit, LaneName, seconds};
use crate::scene::{Fault, Scene};
use crate::words::thousands;

/// A lane in the last second.
#[derive(Clone, Debug)]
pub struct View {
    pub lane: LaneName,
    /// Calls that got an answer with 2xx, calls that ended in any way, requests at the upstream: per second.
    pub good: usize,
    pub ended: usize,
    pub upstream: u32,
    pub queued: usize,
    pub abandoned: u64,
    pub circuits: [Option<Circuit>; CLIENTS],
}

/// Tells what changed since it looked last.
#[derive(Debug)]
pub struct Narrator {
    scene: Scene,
    faults: Vec<Fault>,
    phase: Option<usize>,
    lanes: Vec<Told>,
}

/// What was said about a lane.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    is_down: bool,
    not_closed: usize,
    backlog_at: f64,
}

impl View {
    fn share(&self) -> f64 {
        if self.ended == 0 { 1.0 } else { self.good as f64 / self.ended as f64 }
    }

    fn not_closed(&self) -> usize {
        let closed = |circuit: &Option<Circuit>| circuit.is_none_or(|circuit| circuit == Circuit::Closed);
        self.circuits.iter().filter(|circuit| !closed(circuit)).count()
    }
}

impl Narrator {
    pub fn new(scene: Scene, lanes: usize) -> Self {
        Self { faults: scene.faults(), scene, phase: None, lanes: vec![Told::default(); lanes] }
    }

    pub fn step(&mut self, at: f64, views: &[View]) -> Vec<String> {
        let mut said = Vec::new();
        let phase = self.scene.index_at(std::time::Duration::from_secs_f64(at));
        if self.phase.replace(phase) != Some(phase) {
            said.push(self.scene.phases[phase].begins.to_owned());
        }
        let is_over = at > seconds(self.scene.length());
        let alone = !self.scene.is_about_servers();
        let fault = self.faults.iter().rev().find(|fault| fault.from <= at).copied();
        for (told, view) in self.lanes.iter_mut().zip(views) {
            said.extend(told.circuits(at, fault, view));
            said.extend(told.goodput(at, fault, view, is_over, alone));
            said.extend(told.backlog(at, fault, view));
        }
        said
    }
}

impl Told {
    fn circuits(&mut self, at: f64, fault: Option<Fault>, view: &View) -> Option<String> {
        let now = view.not_closed();
        let before = std::mem::replace(&mut self.not_closed, now);
        let lane = &view.lane;
        let when = moment(at, fault);
        match (before, now) {
            (before, CLIENTS) if before < CLIENTS => {
                Some(format!("{lane}: all {CLIENTS} circuit breakers are open{when}"))
            }
            (0, 1..) => Some(format!("{lane}: the first circuit breaker opened{when}")),
            (1.., 0) => Some(format!("{lane}: all circuit breakers are closed again{when}")),
            _ => None,
        }
    }

    fn goodput(
        &mut self,
        at: f64,
        fault: Option<Fault>,
        view: &View,
        is_over: bool,
        alone: bool,
    ) -> Option<String> {
        let lane = &view.lane;
        let when = moment(at, fault);
        if !self.is_down && !is_over && view.share() < 0.5 {
            self.is_down = true;
            return Some(format!("{lane}: most calls fail now{when}"));
        }
        if self.is_down && view.share() >= 0.98 && view.ended > 0 {
            self.is_down = false;
            // No time here: calls that end now were begun at different times, and the table counts from those.
            let alone = if alone && view.circuits[0].is_none() { ", by itself" } else { "" };
            return Some(format!("{lane}: calls are answered again{alone}"));
        }
        None
    }

    fn backlog(&mut self, at: f64, fault: Option<Fault>, view: &View) -> Option<String> {
        const MANY: u64 = 200;
        const AGAIN: f64 = 5.0;
        let fault = fault.filter(|fault| at >= fault.to + AGAIN)?;
        if view.abandoned < MANY || at < self.backlog_at + AGAIN {
            return None;
        }
        self.backlog_at = at;
        Some(format!(
            "{}: the fault ended {:.0} s ago and the upstream is still working off {} abandoned requests",
            view.lane,
            at - fault.to,
            thousands(view.abandoned),
        ))
    }
}

fn moment(at: f64, fault: Option<Fault>) -> String {
    match fault {
        None => String::new(),
        Some(fault) if at < fault.to => format!(", {:.1} s into the {}", at - fault.from, fault.name),
        Some(fault) => format!(", {:.1} s after the {}", at - fault.to, fault.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(good: usize, abandoned: u64, open: usize) -> View {
        let mut circuits = [Some(Circuit::Closed); CLIENTS];
        circuits[..open].fill(Some(Circuit::Open));
        let lane = LaneName { letter: 'C', title: "buttress".into() };
        View { lane, good, ended: 280, upstream: 280, queued: 0, abandoned, circuits }
    }

    fn narrator() -> Narrator {
        let mut narrator = Narrator::new(Scene::brown_out(true), 1);
        assert_eq!(narrator.step(0.1, &[view(280, 0, 0)]), ["the upstream is healthy"]);
        narrator
    }

    #[test]
    fn nothing_is_said_twice() {
        let mut narrator = narrator();
        assert!(narrator.step(0.4, &[view(280, 0, 0)]).is_empty());
        assert_eq!(narrator.step(3.1, &[view(20, 0, 0)]).len(), 2);
        assert!(narrator.step(3.2, &[view(10, 0, 0)]).is_empty());
    }

    #[test]
    fn breakers_are_told_when_the_first_and_when_all_are_open() {
        let mut narrator = narrator();
        narrator.step(3.1, &[view(280, 0, 0)]);
        let said: Vec<_> = [(4.0, 1), (4.5, 3), (5.0, 4), (9.0, 2), (9.5, 0)]
            .map(|(at, open)| narrator.step(at, &[view(280, 0, open)]))
            .concat();
        assert_eq!(
            said,
            [
                "lane C (buttress): the first circuit breaker opened, 1.0 s into the brown-out",
                "lane C (buttress): all 4 circuit breakers are open, 2.0 s into the brown-out",
                "the fault is over: the upstream is healthy again",
                "lane C (buttress): all circuit breakers are closed again, 1.5 s after the brown-out",
            ]
        );
    }

    #[test]
    fn abandoned_work_is_told_while_it_lasts() {
        let mut narrator = narrator();
        narrator.step(8.1, &[view(280, 3_000, 0)]);
        let said = narrator.step(14.0, &[view(280, 2_400, 0)]);
        assert!(said[0].ends_with(
            "the fault ended 6 s ago and the upstream is still working off 2,400 abandoned requests"
        ));
    }
}
