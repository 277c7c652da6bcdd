//! When users call: a Poisson process, drawn before anything happens and whatever happens.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1};

use crate::record::CLIENTS;
use crate::scene::{OFFERED, Scene};

/// A call: when it is due, since the start, and through which client it goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    pub due: Duration,
    pub client: usize,
}

pub fn arrivals(scene: &Scene, seed: u64) -> impl Iterator<Item = Arrival> + use<'_> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut due = Duration::ZERO;
    let length = scene.length();
    std::iter::from_fn(move || {
        let gap: f64 = Exp1.sample(&mut dice);
        due += Duration::from_secs_f64(gap / (OFFERED * scene.at(due).load));
        // Which client is as independent as when: so each client's calls are a Poisson process, too.
        let client = dice.random_range(0..CLIENTS);
        (due < length).then_some(Arrival { due, client })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_every_arrival() {
        let scene = Scene::brown_out(true);
        let all = |seed| arrivals(&scene, seed).collect::<Vec<_>>();
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
    }

    #[test]
    fn the_offered_load_is_met_and_shared_out() {
        let scene = Scene::brown_out(false);
        let all: Vec<_> = arrivals(&scene, 1).collect();
        let expected = OFFERED * 45.0;
        // Four standard deviations of a Poisson process.
        assert!((all.len() as f64 - expected).abs() < 4.0 * expected.sqrt(), "{}", all.len());
        assert!(all.is_sorted_by_key(|arrival| arrival.due));
        for client in 0..CLIENTS {
            let share = all.iter().filter(|arrival| arrival.client == client).count() as f64;
            assert!((share - expected / 4.0).abs() < 4.0 * (expected / 4.0).sqrt(), "{client}: {share}");
        }
    }

    #[test]
    fn a_surge_is_ten_times_the_load() {
        let scene = Scene::surge(true);
        let during = |from, to| {
            let due = arrivals(&scene, 1).map(|arrival| arrival.due.as_secs_f64());
            due.filter(|due| (from..to).contains(due)).count() as f64 / (to - from)
        };
        assert!((during(3.0, 7.0) / during(0.0, 3.0) - 10.0).abs() < 1.5);
    }
}
