//! What many short rounds say together.

use std::cmp::Ordering;

use serde::Serialize;

/// The middle of the rounds, and where four fifths of them lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub p10: f64,
    pub median: f64,
    pub p90: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: &[f64]) -> Self {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        let at = |quantile| percentile(&values, quantile);
        Self { p10: at(0.1), median: at(0.5), p90: at(0.9) }
    }

    /// Whether it is above zero or below; neither if zero is among those four fifths.
    pub fn sign(self) -> Ordering {
        if self.p10 > 0.0 {
            Ordering::Greater
        } else if self.p90 < 0.0 {
            Ordering::Less
        } else {
            Ordering::Equal
        }
    }
}

/// What `a` is above `b`, round by round.
pub fn above(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Between neighbours it is interpolated.
fn percentile(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len().max(1) - 1) as f64;
    let below = place.floor() as usize;
    match (sorted.get(below), sorted.get(below + 1)) {
        (Some(a), Some(b)) => (b - a).mul_add(place.fract(), *a),
        (Some(a), None) => *a,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_many() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(Spread::of(&values), Spread { p10: 10.0, median: 50.0, p90: 90.0 });
    }

    #[test]
    fn what_differs_by_less_than_its_noise_is_alike() {
        let sign = |values: &[f64]| Spread::of(values).sign();
        assert_eq!(sign(&[1.0, 2.0, 3.0]), Ordering::Greater);
        assert_eq!(sign(&[-1.0, -2.0, -3.0]), Ordering::Less);
        assert_eq!(sign(&[-1.0, 2.0, 3.0]), Ordering::Equal);
        // Both of them swing, but together.
        assert_eq!(sign(&above(&[10.0, 30.0, 20.0], &[9.0, 28.0, 19.0])), Ordering::Greater);
    }

    #[test]
    fn spread_of_few() {
        assert_eq!(Spread::of(&[7.0]), Spread { p10: 7.0, median: 7.0, p90: 7.0 });
        assert_eq!(Spread::of(&[1.0, 2.0]).median, 1.5);
    }

    #[test]
    fn one_bad_round_moves_nothing() {
        let mut values = vec![10.0; 99];
        values.push(1e9);
        assert_eq!(Spread::of(&values), Spread { p10: 10.0, median: 10.0, p90: 10.0 });
    }
}
