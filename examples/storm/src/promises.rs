//! What the recommended stack promises. Pure: figures in, verdicts out.

use crate::figures::{FaultFigures, Figures};
use crate::scene::QUOTA;

/// A promise, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Promise {
    pub what: String,
    /// What was measured; `None` if it never happened.
    pub measured: Option<f64>,
    pub bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
    MoreThan(f64),
}

impl Promise {
    fn new(what: impl Into<String>, measured: Option<f64>, bound: Bound) -> Self {
        Self { what: what.into(), measured, bound }
    }

    /// What it is compared with, if that is another lane.
    pub const fn other(&self) -> Option<f64> {
        match self.bound {
            Bound::MoreThan(bound) => Some(bound),
            Bound::AtMost(_) | Bound::AtLeast(_) => None,
        }
    }

    pub fn is_kept(&self) -> bool {
        self.measured.is_some_and(|measured| match self.bound {
            Bound::AtMost(bound) => measured <= bound,
            Bound::AtLeast(bound) => measured >= bound,
            Bound::MoreThan(bound) => measured > bound,
        })
    }
}

/// The quick scenes of one seed: the recommended stack in each, and lane B in the brown-out.
#[derive(Clone, Copy, Debug)]
pub struct Scenes<'a> {
    pub brown_out: &'a Figures,
    pub unprotected: &'a Figures,
    pub blackout: &'a Figures,
    pub partial: &'a Figures,
    pub quota: &'a Figures,
    pub surge: &'a Figures,
}

pub fn promises(scenes: Scenes<'_>) -> Vec<Promise> {
    use Bound::{AtLeast, AtMost, MoreThan};
    let mut all = Vec::new();
    for (name, latest) in [("fast errors", 2.0), ("hangs", 3.5)] {
        let opened = fault(scenes.blackout, name).and_then(FaultFigures::all_opened);
        all.push(Promise::new(format!("{name}: s until all breakers are open"), opened, AtMost(latest)));
    }
    for fault in scenes.brown_out.faults.iter().chain(&scenes.blackout.faults) {
        let what = format!("{}: s from its end until ≥ 99 % answered", fault.fault.name);
        all.push(Promise::new(what, fault.recovered, AtMost(5.0)));
    }
    let opened = scenes.partial.opened.map(|times| times as f64);
    all.push(Promise::new("30 % errors: times that breakers opened", opened, AtMost(0.0)));
    let goodput = fault(scenes.quota, "quota").map(|fault| fault.goodput);
    all.push(Promise::new("quota: calls answered per s", goodput, AtLeast(0.9 * QUOTA)));
    for lane in [scenes.brown_out, scenes.blackout, scenes.partial, scenes.quota] {
        for fault in &lane.faults {
            let what = format!("{}: upstream requests per call", fault.fault.name);
            all.push(Promise::new(what, Some(fault.amplification), AtMost(1.25)));
        }
    }
    let after = |figures: &Figures| fault(figures, "brown-out").map(|fault| fault.after);
    let unprotected = after(scenes.unprotected).unwrap_or(1.0);
    all.push(Promise::new(
        "after the brown-out: share answered, against that of lane B",
        after(scenes.brown_out),
        MoreThan(unprotected),
    ));
    let health = scenes.surge.health.map(|health| f64::from(health.asked - health.good));
    all.push(Promise::new("surge: probes of /healthz without a 200", health, AtMost(0.0)));
    all
}

fn fault<'a>(figures: &'a Figures, name: &str) -> Option<&'a FaultFigures> {
    figures.faults.iter().find(|fault| fault.fault.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lateness::Late;
    use crate::record::{Health, LaneName};
    use crate::scene::Scene;

    fn figures(scene: &Scene) -> Figures {
        let faults = scene.faults().into_iter();
        let fault = |fault| FaultFigures {
            fault,
            goodput: 195.0,
            success: 0.5,
            after: 0.99,
            amplification: 1.1,
            opened: vec![Some(1.5); 4],
            recovered: Some(1.0),
        };
        Figures {
            lane: LaneName { letter: 'C', title: "test".into() },
            calls: 1_000,
            success: 0.9,
            p50: 20.0,
            p99: 1_000.0,
            opened: Some(0),
            faults: faults.map(fault).collect(),
            causes: Vec::new(),
            peak_queue: 0,
            peak_waiting: 0,
            left_over: 0,
            health: Some(Health { asked: 100, good: 100 }),
            late: Late::default(),
        }
    }

    /// The broken promises, after a change to the figures of one scene: brown-out, lane B in it, blackout,
    /// partial, quota, surge.
    fn broken(scene: usize, change: impl Fn(&mut Figures)) -> Vec<String> {
        let brown_out = Scene::brown_out(true);
        let mut all = [
            &brown_out,
            &brown_out,
            &Scene::blackout(true),
            &Scene::partial(true),
            &Scene::quota(true),
            &Scene::surge(true),
        ]
        .map(figures);
        all[1].faults[0].after = 0.1;
        change(&mut all[scene]);
        let [brown_out, unprotected, blackout, partial, quota, surge] = &all;
        let promises = promises(Scenes { brown_out, unprotected, blackout, partial, quota, surge });
        promises.into_iter().filter(|promise| !promise.is_kept()).map(|promise| promise.what).collect()
    }

    #[test]
    fn a_good_run_keeps_every_promise() {
        assert_eq!(broken(0, |_| ()), [""; 0]);
    }

    #[test]
    fn each_promise_can_be_broken() {
        let one = |broken: Vec<String>, begins: &str| {
            assert_eq!(broken.len(), 1, "{broken:?}");
            assert!(broken[0].starts_with(begins), "{broken:?}");
        };
        one(broken(2, |f| f.faults[0].opened[3] = Some(2.1)), "fast errors: s until");
        one(broken(2, |f| f.faults[1].opened[0] = None), "hangs: s until");
        one(broken(2, |f| f.faults[1].opened[0] = Some(3.6)), "hangs: s until");
        one(broken(0, |f| f.faults[0].recovered = None), "brown-out: s from");
        one(broken(0, |f| f.faults[0].recovered = Some(5.1)), "brown-out: s from");
        one(broken(2, |f| f.faults[1].recovered = None), "hangs: s from");
        one(broken(3, |f| f.opened = Some(1)), "30 % errors: times");
        one(broken(4, |f| f.faults[0].goodput = 179.0), "quota: calls");
        one(broken(0, |f| f.faults[0].amplification = 1.26), "brown-out: upstream");
        one(broken(1, |f| f.faults[0].after = 0.99), "after the brown-out");
        one(broken(5, |f| f.health = Some(Health { asked: 100, good: 99 })), "surge:");
    }
}
