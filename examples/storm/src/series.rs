//! What a chart shows of a record: points over time. Pure.

use crate::record::{BUCKET, CLIENTS, Circuit, Record, bucket_of, seconds};
use crate::scene::Scene;

/// Each point stands for the second around it.
const HALF: f64 = 0.5;
const STEP: f64 = 0.2;

pub type Points = Vec<(f64, f64)>;

/// Calls that were answered, per second, at the time when they were due.
pub fn goodput(record: &Record) -> Points {
    let mut counts = vec![0u32; record.upstream.len()];
    for call in record.calls.iter().filter(|call| call.end.is_good()) {
        if let Some(count) = counts.get_mut(bucket_of(call.due)) {
            *count += 1;
        }
    }
    smooth(&counts, &record.scene)
}

/// Requests that reached the upstream, per second.
pub fn upstream(record: &Record) -> Points {
    smooth(&record.upstream, &record.scene)
}

/// Requests in the upstream for which nobody waits any more.
pub fn abandoned(record: &Record) -> Points {
    let length = seconds(record.scene.length());
    let during = record.samples.iter().filter(|sample| sample.at <= length);
    during.map(|sample| (sample.at, sample.abandoned as f64)).collect()
}

fn smooth(counts: &[u32], scene: &Scene) -> Points {
    let length = seconds(scene.length());
    let steps = (length / STEP).round() as usize;
    (0..=steps)
        .map(|step| {
            let at = step as f64 * STEP;
            let (from, to) = ((at - HALF).max(0.0), (at + HALF).min(length));
            let range = bucket_of(from + 1e-9)..bucket_of(to + 1e-9).min(counts.len());
            let width = range.len() as f64 * BUCKET;
            (at, f64::from(counts[range].iter().sum::<u32>()) / width)
        })
        .collect()
}

/// A time in which a breaker did not change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub from: f64,
    pub to: f64,
    pub circuit: Circuit,
}

/// The states of each client's breaker; empty without breakers.
pub fn bands(record: &Record) -> Vec<Vec<Band>> {
    let length = seconds(record.scene.length());
    (0..CLIENTS)
        .map(|client| {
            let mut bands: Vec<Band> = Vec::new();
            for sample in record.samples.iter().filter(|sample| sample.at < length) {
                let Some(circuit) = sample.circuits[client] else { continue };
                let to = (sample.at + BUCKET).min(length);
                match bands.last_mut() {
                    Some(last) if last.circuit == circuit => last.to = to,
                    _ => bands.push(Band { from: sample.at, to, circuit }),
                }
            }
            bands
        })
        .filter(|bands| !bands.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_stays_steady_to_the_edges() {
        let scene = Scene::brown_out(true);
        let points = smooth(&[28; 151], &scene);
        assert_eq!(points.len(), 76);
        assert!(points.iter().all(|&(_, y)| (y - 280.0).abs() < 1e-6), "{points:?}");
    }

    #[test]
    fn a_step_is_where_it_was() {
        let mut counts = [0; 151];
        counts[30..].fill(10);
        let points = smooth(&counts, &Scene::brown_out(true));
        let at = |t: f64| points.iter().find(|(at, _)| (at - t).abs() < 1e-9).expect("a point").1;
        assert_eq!((at(2.4), at(3.0), at(3.6)), (0.0, 50.0, 100.0));
    }
}
