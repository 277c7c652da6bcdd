#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

use std::time::Duration;

use super::Recorder;
use crate::model::{Model, Shared, Twin, join, spawn};

pub(crate) const MODELS: &[Model] = &[Model {
    name: "histogram: a snapshot against records",
    threads: 2,
    check: a_snapshot_against_records,
    twins: &[
        Twin { bug: "a bucket counts in two steps", fails_with: "a time was lost" },
        Twin { bug: "whoever has no slot is alone", fails_with: "a time was lost" },
    ],
}];

/// No time is lost, and a snapshot has no more than there were.
fn a_snapshot_against_records() {
    let recorder = Shared::new(Recorder::new());
    let times = [Duration::from_micros(1), Duration::from_millis(1)];
    let record = move |recorder: &Recorder| times.iter().for_each(|time| recorder.record(*time));
    let thread = spawn(usize::MAX - 1, &recorder, record);
    assert!(recorder.snapshot().count() <= 2);
    record(&recorder);
    join(thread);
    let seen = recorder.snapshot();
    assert_eq!((seen.count(), seen.sum()), (4, 2 * times[0] + 2 * times[1]), "a time was lost");
}
