//! What a small limit does in calm, as the documentation says.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use buttress::{Bulkhead, BulkheadPermit};

/// Erlang's B by its recurrence: the share of random arrivals that find all of `limit` permits taken, at a
/// mean of `load` in flight if none were refused.
fn erlang_b(limit: u32, load: f64) -> f64 {
    (1..=limit).fold(1.0, |blocked, n| load * blocked / (f64::from(n) + load * blocked))
}

#[test]
fn the_shares_in_the_documentation_are_erlangs() {
    let table = [(10, 6.0, 0.043), (10, 3.0, 0.000_8), (20, 12.0, 0.009_8), (64, 38.0, 0.000_032)];
    for (limit, load, documented) in table {
        let share = erlang_b(limit, load);
        assert!((share / documented - 1.0).abs() < 0.05, "{limit} at {load}: {share}");
    }
}

/// A call in flight, ordered by when it ends.
struct InFlight(f64, BulkheadPermit);

impl PartialEq for InFlight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for InFlight {}
impl PartialOrd for InFlight {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for InFlight {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

#[test]
fn the_engine_refuses_as_erlang_says() {
    let bulkhead = Bulkhead::new(10);
    let mut state = 7_u64;
    // Exponentially distributed, with this mean.
    let mut draw = |mean: f64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -mean * (((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64).ln()
    };
    let mut in_flight = BinaryHeap::new();
    let mut now = 0.0;
    for _ in 0..200_000 {
        now += draw(1.0);
        while in_flight.peek().is_some_and(|Reverse(InFlight(end, _))| *end <= now) {
            let Some(Reverse(InFlight(_, permit))) = in_flight.pop() else { break };
            permit.complete();
        }
        if let Ok(permit) = bulkhead.try_admit() {
            in_flight.push(Reverse(InFlight(now + draw(6.0), permit)));
        }
    }
    let counts = super::counts(&bulkhead);
    let share = counts.full as f64 / counts.calls as f64;
    assert!((share - erlang_b(10, 6.0)).abs() < 0.003, "{share}");
}
