#![allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn counts(recorded: u64, failures: u64, slow: u64) -> Counts {
    Counts { recorded, failures, slow }
}

/// One thing after the other, as it came.
#[derive(Clone, Copy, Debug)]
enum Op {
    Successes(u16),
    Call(bool, bool),
    Clear,
    Pass(u32),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => (0..200_u16).prop_map(Op::Successes),
        6 => any::<(bool, bool)>().prop_map(|(failed, slow)| Op::Call(failed, slow)),
        1 => Just(Op::Clear),
        2 => (0..40_u32).prop_map(Op::Pass),
    ];
    prop::collection::vec(op, 1..200)
}

fn sum<'a>(calls: impl Iterator<Item = &'a (bool, bool)>) -> Counts {
    calls.fold(Counts::NONE, |sum, &(failed, slow)| sum.plus(counts(1, failed.into(), slow.into())))
}

proptest! {
    #[test]
    fn the_last_calls_are_those_of_a_plain_queue(size in 1_u32..300, ops in ops()) {
        let mut window = Window::new(Shape::Last(size));
        let mut model = VecDeque::new();
        for op in ops {
            match op {
                Op::Successes(n) => {
                    window.push_successes(n.into());
                    model.extend(std::iter::repeat_n((false, false), n.into()));
                }
                Op::Call(failed, slow) => {
                    window.push(failed, slow);
                    model.push_back((failed, slow));
                }
                Op::Clear => {
                    window.clear(at(0));
                    model.clear();
                }
                Op::Pass(_) => window.advance(at(u64::MAX)),
            }
            while model.len() > size as usize {
                model.pop_front();
            }
            prop_assert_eq!(window.counts(), sum(model.iter()));
        }
    }

    #[test]
    fn a_time_window_holds_the_calls_of_its_buckets(buckets in 1_u32..12, width in 1_u64..10, ops in ops()) {
        let mut window = Window::new(Shape::Time { bucket: Duration::from_nanos(width), buckets });
        let mut now = 1_000_u64;
        let mut model: Vec<(u64, (bool, bool))> = Vec::new();
        for op in ops {
            window.advance(at(now));
            match op {
                Op::Successes(n) => {
                    window.push_successes(n.into());
                    model.extend(std::iter::repeat_n((now, (false, false)), n.into()));
                }
                Op::Call(failed, slow) => {
                    window.push(failed, slow);
                    model.push((now, (failed, slow)));
                }
                Op::Clear => {
                    window.clear(at(now));
                    model.clear();
                }
                Op::Pass(nanos) => now += u64::from(nanos),
            }
            window.advance(at(now));
            // Never older than the length, and never younger than that less one bucket.
            let length = width * u64::from(buckets);
            let within = |age: u64| sum(model.iter().filter(|(t, _)| now - t < age).map(|(_, call)| call));
            let seen = window.counts();
            let (least, most) = (within(length - width + 1), within(length));
            prop_assert!(least.recorded <= seen.recorded && seen.recorded <= most.recorded);
            prop_assert!(least.failures <= seen.failures && seen.failures <= most.failures);
            prop_assert!(least.slow <= seen.slow && seen.slow <= most.slow);
        }
    }
}

#[test]
fn a_window_of_a_million_slides() {
    let mut window = Window::new(Shape::Last(1_000_000));
    window.push_successes(5_000_000);
    for _ in 0..600_000 {
        window.push(true, true);
    }
    assert_eq!(window.counts(), counts(1_000_000, 600_000, 600_000));
    window.push_successes(500_000);
    assert_eq!(window.counts(), counts(1_000_000, 500_000, 500_000));
    window.push_successes(u64::MAX);
    assert_eq!(window.counts(), counts(1_000_000, 0, 0));
}

#[test]
fn a_bucket_ends_when_the_next_begins() {
    let mut window = Window::new(Shape::Time { bucket: SECOND, buckets: 10 });
    let start = 7_000_000_000;
    window.advance(at(start));
    window.push(true, false);
    assert_eq!(window.until(), at(start + 1_000_000_000));
    window.advance(at(start + 9_999_999_999));
    assert_eq!(window.counts(), counts(1, 1, 0));
    window.advance(at(start + 10_000_000_000));
    assert_eq!(window.counts(), Counts::NONE);
}

#[test]
fn time_that_stands_still_or_goes_back_loses_nothing() {
    let mut window = Window::new(Shape::Time { bucket: SECOND, buckets: 2 });
    for now in [5_000_000_000, 5_000_000_000, 1, 0] {
        window.advance(at(now));
        window.push(true, false);
    }
    assert_eq!(window.counts().failures, 4);
    window.advance(Instant::NEVER);
    assert_eq!(window.counts(), Counts::NONE);
}

#[test]
fn the_longest_bucket_never_ends() {
    let mut window = Window::new(Shape::Time { bucket: Duration::MAX, buckets: 1_000 });
    window.advance(at(5));
    window.push(true, true);
    assert_eq!(window.until(), Instant::NEVER);
    window.advance(at(u64::MAX - 1));
    assert_eq!(window.counts(), counts(1, 1, 1));
}

#[test]
fn counts_saturate() {
    let mut window = Window::new(Shape::Time { bucket: SECOND, buckets: 2 });
    window.advance(at(0));
    window.push_successes(u64::MAX);
    window.push(true, true);
    assert_eq!(window.counts(), counts(u64::MAX, 1, 1));
}
