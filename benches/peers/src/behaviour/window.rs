//! What a call costs when the window holds many.

use std::time::{Duration, Instant};

use tower::Layer;

use super::{Cell, Scene, SceneRow};
use crate::measure::{Run, answered};
use crate::report::words::{nanos, thousands};
use crate::stats::Spread;
use crate::subjects::{Maker, buttress, recloser, resilience, seatbelt};
use crate::work::AtOnce;

const HELD: [u64; 4] = [100, 10_000, 100_000, 1_000_000];
/// None of the calls leaves it while the scene lasts.
const LONG: Duration = Duration::from_secs(600);

pub fn scene(quick: bool) -> Scene {
    let patience = Duration::from_secs(if quick { 1 } else { 6 });
    let bare = per_call(&mut answered(AtOnce));
    let rows = subjects().into_iter().map(|(maker, what, mut run)| {
        let mut held = 0;
        let cells = HELD.iter().map(|&wanted| cost(&mut run, &mut held, wanted, patience, bare)).collect();
        SceneRow { maker, what, cells }
    });
    Scene {
        id: "window",
        title: "What a call costs",
        about: "above the bare service when the breaker's window, of 1,000,000 calls or ten minutes, holds so many.".into(),
        columns: HELD.iter().map(|held| format!("{} held", thousands(*held))).collect(),
        rows: rows.collect(),
    }
}

fn subjects() -> Vec<(Maker, &'static str, Run)> {
    let million = 1_000_000;
    let own = seatbelt::breaker(&seatbelt::context()).sampling_duration(LONG);
    vec![
        (Maker::Buttress, "last calls", answered(buttress::last(million).layer(AtOnce))),
        (Maker::Buttress, "time", answered(buttress::time(LONG).layer(AtOnce))),
        (
            Maker::TowerResilience,
            "last calls, never slides",
            answered(resilience::last(million).layer(AtOnce)),
        ),
        (Maker::TowerResilience, "time", answered(resilience::time(LONG).layer(AtOnce))),
        (Maker::Seatbelt, "time", answered(own.layer(AtOnce))),
        (Maker::Recloser, "last calls, core only", recloser::run(recloser::recloser(million))),
    ]
}

/// Fills the window up, then takes the time.
fn cost(run: &mut Run, held: &mut u64, wanted: u64, patience: Duration, bare: f64) -> Cell {
    let until = Instant::now() + patience;
    while *held < wanted && Instant::now() < until {
        let some = 100.min(wanted - *held);
        run(some);
        *held += some;
    }
    if *held < wanted {
        return Cell::none(format!("not reached in {} s", patience.as_secs()));
    }
    let cost = per_call(run) - bare;
    Cell::new(cost, nanos(cost))
}

fn per_call(run: &mut Run) -> f64 {
    const CALLS: u64 = 50;
    let rounds: Vec<_> = (0..40).map(|_| run(CALLS).as_nanos() as f64 / CALLS as f64).collect();
    Spread::of(&rounds).median
}
