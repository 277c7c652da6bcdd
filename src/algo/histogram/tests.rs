use std::thread;

use proptest::prelude::*;

use super::*;

const US: Duration = Duration::from_micros(1);
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn of(times: impl IntoIterator<Item = Duration>) -> Histogram {
    let recorder = Recorder::new();
    times.into_iter().for_each(|time| recorder.record(time));
    recorder.snapshot()
}

#[test]
fn the_edges_are_decimal_from_10_us_to_100_s() {
    let edges: Vec<_> = Histogram::edges().collect();
    assert_eq!((edges[0], edges[1], edges[15], edges[16]), (10 * US, US * 25 / 2, 90 * US, 100 * US));
    assert_eq!((edges.len(), edges[edges.len() - 1]), (113, 100 * SECOND));
    let in_a_decade = [1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0];
    for (i, edge) in edges.iter().take(112).enumerate() {
        let expected = 1e-5 * 10_f64.powi((i / 16) as i32) * in_a_decade[i % 16];
        assert!((edge.as_secs_f64() - expected).abs() < 1e-12, "{edge:?}");
    }
    // What the compiler reckoned, reckoned again.
    assert!(edges.iter().map(|edge| nanos(*edge)).eq(super::edges()));
    assert!(edges.windows(2).all(|pair| pair[0] < pair[1] && pair[1] <= pair[0] + pair[0] / 4));
}

#[test]
fn an_edge_belongs_to_the_bucket_that_it_ends() {
    for edge in Histogram::edges() {
        let histogram = of([edge, edge + Duration::from_nanos(1)]);
        assert_eq!(histogram.count_at_most(edge), 1, "{edge:?}");
        assert_eq!(histogram.count_at_most(edge - Duration::from_nanos(1)), 0, "{edge:?}");
        assert_eq!(histogram.count(), 2);
    }
}

#[test]
fn what_lies_beyond_the_edges_is_counted_too() {
    let histogram = of([Duration::ZERO, Duration::from_nanos(1), 101 * SECOND, Duration::MAX]);
    assert_eq!(histogram.count(), 4);
    assert_eq!(histogram.count_at_most(9 * US), 0);
    assert_eq!(histogram.count_at_most(10 * US), 2);
    assert_eq!(histogram.count_at_most(Duration::MAX), 2);
    assert_eq!(histogram.quantile(1.0), Some(100 * SECOND));
}

#[test]
fn an_empty_one_has_no_quantiles() {
    let empty = of([]);
    assert_eq!((empty.count(), empty.sum(), empty.quantile(0.5)), (0, Duration::ZERO, None));
    assert_eq!(empty, Histogram::default());
}

#[test]
fn people_are_shown_a_few_numbers() {
    let recorder = Recorder::new();
    recorder.record(2 * SECOND);
    let shown = format!("{recorder:?}");
    assert_eq!(shown, format!("{:?}", recorder.snapshot()));
    assert_eq!(shown, "Histogram { count: 1, sum: 2s, p50: Some(2s), p95: Some(2s), p99: Some(2s) }");
}

#[test]
fn a_share_that_is_none_has_no_quantile() {
    let histogram = of([MS]);
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(histogram.quantile(bad), None, "{bad}");
    }
}

#[test]
fn quantiles_are_interpolated_as_prometheus_does() {
    // 100 calls between 2 and 2.25 ms.
    let even = of((0..100).map(|_| MS * 21 / 10));
    assert_eq!(even.quantile(0.5), Some(MS * 2125 / 1000));
    assert_eq!(even.quantile(1.0), Some(MS * 225 / 100));
    // 90 fast and 10 slow ones.
    let mixed = of((0..100).map(|i| if i < 90 { 2 * MS } else { 2 * SECOND }));
    assert_eq!(mixed.quantile(0.9), Some(2 * MS));
    assert!(mixed.quantile(0.91).unwrap() > SECOND);
    assert!(mixed.quantile(0.0).unwrap() > MS);
}

#[test]
fn the_difference_is_what_came_in_between() {
    let recorder = Recorder::new();
    recorder.record(MS);
    let before = recorder.snapshot();
    recorder.record(MS);
    recorder.record(SECOND);
    let after = recorder.snapshot();
    let between = after.since(&before);
    assert_eq!((between.count(), between.sum(), between.count_at_most(MS)), (2, SECOND + MS, 1));
    assert_eq!(before.since(&after), Histogram::default());
}

#[test]
fn the_sum_stays_at_its_maximum() {
    let recorder = Recorder::new();
    for _ in 0..200 {
        recorder.record(Duration::MAX);
    }
    let full = recorder.snapshot();
    assert_eq!(full.count(), 200);
    assert!(full.sum() >= Duration::from_nanos(u64::MAX) * 99);
    recorder.record(SECOND);
    assert!(recorder.snapshot().sum() >= full.sum());
}

#[test]
fn coarser_buckets_keep_the_first_and_the_last_edge() {
    let histogram = of((1..1_000).map(|i| i * i * US));
    for step in [2, 4, 8, 16] {
        let coarse: Vec<_> = histogram.buckets().step_by(step).collect();
        assert_eq!((coarse[0].0, coarse[coarse.len() - 1].0), (10 * US, 100 * SECOND));
        assert!(coarse.iter().all(|(edge, count)| *count == histogram.count_at_most(*edge)));
    }
}

#[test]
fn no_time_is_lost_between_threads() {
    let recorder = Recorder::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10_000).for_each(|_| recorder.record(MS)));
        }
    });
    let histogram = recorder.snapshot();
    assert_eq!((histogram.count(), histogram.sum()), (40_000, 40 * SECOND));
}

/// Times of all magnitudes, and the edges with their neighbours.
fn time() -> impl Strategy<Value = u64> {
    let edge = (0..EDGES.len(), 0..3_u64).prop_map(|(i, by)| EDGES[i] + by - 1);
    prop_oneof![(0..64_u32, any::<u64>()).prop_map(|(bits, n)| n >> bits), edge]
}

proptest! {
    #[test]
    fn longer_times_are_in_later_buckets(a in time(), b in time()) {
        let (a, b) = (a.min(b), a.max(b));
        prop_assert!(bucket_of(a) <= bucket_of(b));
        let bucket = bucket_of(a);
        prop_assert!(bucket == 0 || EDGES[bucket - 1] < a);
        prop_assert!(bucket == LAST + 1 || a <= EDGES[bucket]);
    }

    #[test]
    fn counts_are_exact_at_the_edges(times in prop::collection::vec(time(), 0..50)) {
        let histogram = of(times.iter().copied().map(Duration::from_nanos));
        for (edge, count) in histogram.buckets() {
            let expected = times.iter().filter(|time| **time <= nanos(edge)).count() as u64;
            prop_assert_eq!(count, expected);
            prop_assert_eq!(count, histogram.count_at_most(edge));
        }
        prop_assert_eq!(histogram.count(), times.len() as u64);
    }

    #[test]
    fn a_quantile_is_off_by_a_quarter_at_most(
        mut times in prop::collection::vec(10_001..=100_000_000_000_u64, 1..200),
        q in 0.0..=1.0_f64,
    ) {
        let found = nanos(of(times.iter().copied().map(Duration::from_nanos)).quantile(q).unwrap());
        times.sort_unstable();
        let rank = (q * times.len() as f64).ceil() as usize;
        let wanted = times[rank.max(1) - 1];
        prop_assert!(found.abs_diff(wanted) <= wanted / 4 + 1, "{} for {}", found, wanted);
    }

    #[test]
    fn quantiles_ascend(times in prop::collection::vec(time(), 1..50), a in 0.0..=1.0_f64, b in 0.0..=1.0_f64) {
        let histogram = of(times.into_iter().map(Duration::from_nanos));
        prop_assert!(histogram.quantile(a.min(b)) <= histogram.quantile(a.max(b)));
    }

    #[test]
    fn the_sum_is_right_to_a_tenth_of_a_microsecond_each(times in prop::collection::vec(0..1_000_000_000_000_u64, 0..50)) {
        let sum = nanos(of(times.iter().copied().map(Duration::from_nanos)).sum());
        prop_assert!(sum.abs_diff(times.iter().sum()) <= 50 * times.len() as u64);
    }
}
