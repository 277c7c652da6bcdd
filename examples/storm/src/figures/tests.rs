use super::*;
use crate::record::{CLIENTS, Sample};
use crate::scene::Scene;

const CALM: [Option<Circuit>; CLIENTS] = [Some(Circuit::Closed); CLIENTS];

/// One call each 10 ms over the quick brown-out (fault from 3 to 8 s), ended as `end` says.
fn record(end: impl Fn(f64) -> End) -> Record {
    let calls = (0..1_500).map(|n| f64::from(n) / 100.0);
    Record {
        lane: LaneName { letter: 'C', title: "test".into() },
        scene: Scene::brown_out(true),
        calls: calls.map(|due| Call { due, took: 0.02, end: end(due) }).collect(),
        upstream: vec![10; 151],
        samples: (0..150)
            .map(|n| Sample { at: f64::from(n) / 10.0, circuits: CALM, ..Sample::default() })
            .collect(),
        late: Late::default(),
        health: None,
    }
}

fn failing(from: f64, to: f64) -> Record {
    record(|due| if (from..to).contains(&due) { End::Rejected("timed out") } else { End::Answered })
}

#[test]
fn recovery_is_counted_from_the_end_of_the_fault() {
    let figures = Figures::of(&failing(4.0, 10.5));
    let recovered = figures.faults[0].recovered.expect("recovers");
    // A window may hold one failure in a hundred.
    assert!((2.3..=2.6).contains(&recovered), "{recovered}");
}

#[test]
fn a_fault_that_hurts_nobody_afterwards_is_over_at_once() {
    assert_eq!(Figures::of(&failing(4.0, 7.9)).faults[0].recovered, Some(0.0));
}

#[test]
fn failures_at_the_end_of_the_run_are_no_recovery() {
    assert_eq!(Figures::of(&failing(4.0, 15.0)).faults[0].recovered, None);
    let relapse = record(|due| if (14.5..14.6).contains(&due) { End::Broken } else { End::Answered });
    assert_eq!(Figures::of(&relapse).faults[0].recovered, None);
}

#[test]
fn goodput_and_load_are_those_of_the_fault() {
    let mut record = failing(3.0, 5.5);
    record.upstream[30..80].fill(25);
    let fault = &Figures::of(&record).faults[0];
    assert_eq!((fault.success, fault.goodput, fault.amplification), (0.5, 50.0, 2.5));
}

#[test]
fn opening_is_told_for_each_client() {
    let mut record = failing(3.0, 8.0);
    for (at, client) in [(4.2, 0), (4.6, 1), (4.4, 2)] {
        for sample in record.samples.iter_mut().filter(|s| (at..at + 2.0).contains(&s.at)) {
            sample.circuits[client] = Some(Circuit::Open);
        }
    }
    let figures = Figures::of(&record);
    let fault = &figures.faults[0];
    assert!((fault.first_opened().expect("one opened") - 1.2).abs() < 1e-9);
    assert_eq!(fault.all_opened(), None, "client 3 never opened");
    assert_eq!(figures.opened, Some(3));
}

#[test]
fn a_lane_without_breakers_did_not_keep_them_closed() {
    let mut record = failing(3.0, 8.0);
    for sample in &mut record.samples {
        sample.circuits = [None; CLIENTS];
    }
    let figures = Figures::of(&record);
    assert_eq!(
        (figures.opened, figures.faults[0].all_opened()),
        (None, None.or(figures.faults[0].all_opened()))
    );
    assert!(figures.faults[0].opened.is_empty());
}

#[test]
fn causes_come_with_the_most_frequent_first() {
    let record = record(|due| match due {
        due if due < 0.1 => End::Status(503),
        due if due < 0.5 => End::Rejected("circuit_open"),
        _ => End::Answered,
    });
    let figures = Figures::of(&record);
    assert_eq!(figures.causes, [("circuit open".to_owned(), 40), ("503".to_owned(), 10)]);
    assert!((figures.success - 1450.0 / 1500.0).abs() < 1e-9);
}

#[test]
fn a_demo_that_is_late_itself_is_void() {
    let void = |users, servers| Late { users, servers }.is_void();
    assert!(void(5.1, 1.0) && void(1.0, 20.1));
    assert!(!void(5.0, 20.0));
}
