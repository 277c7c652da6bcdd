use std::time::Duration;

use crate::algo::histogram::Histogram;

/// The upper edges of the buckets that are exported, as the value of the label `le`. `+Inf` comes after them.
///
/// All of them are edges of [`Histogram`] too, so that no count is an estimate.
pub const EDGES: [(&str, Duration); 18] = [
    ("0.0001", Duration::from_micros(100)),
    ("0.00025", Duration::from_micros(250)),
    ("0.0005", Duration::from_micros(500)),
    ("0.001", Duration::from_millis(1)),
    ("0.0025", Duration::from_micros(2_500)),
    ("0.005", Duration::from_millis(5)),
    ("0.01", Duration::from_millis(10)),
    ("0.025", Duration::from_millis(25)),
    ("0.05", Duration::from_millis(50)),
    ("0.1", Duration::from_millis(100)),
    ("0.25", Duration::from_millis(250)),
    ("0.5", Duration::from_millis(500)),
    ("1.0", Duration::from_secs(1)),
    ("2.5", Duration::from_millis(2_500)),
    ("5.0", Duration::from_secs(5)),
    ("10.0", Duration::from_secs(10)),
    ("30.0", Duration::from_secs(30)),
    ("60.0", Duration::from_secs(60)),
];

/// Each value of the label `le`, and how many times were at most that long.
pub fn buckets(histogram: &Histogram) -> impl Iterator<Item = (&'static str, u64)> {
    let mut exact = histogram.buckets();
    let mut total = 0;
    let ours = EDGES.map(|(le, edge)| {
        total = exact.find(|(time, _)| *time >= edge).map_or(total, |(_, count)| count);
        (le, total)
    });
    ours.into_iter().chain([("+Inf", histogram.count())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_edges_are_exact() {
        for (le, edge) in EDGES {
            assert_eq!(le.parse::<f64>().unwrap(), edge.as_secs_f64());
            assert!(Histogram::edges().any(|exact| exact == edge), "{le}");
        }
    }
}
