#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

use super::{Lease, NONE, Striped, sit};
use crate::algo::counter::Counter;
use crate::model::{Model, Shared, Twin, join, spawn};

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "stripes: threads with and without a slot",
        threads: 3,
        check: threads_with_and_without_a_slot,
        twins: &[Twin { bug: "whoever has no slot is alone", fails_with: "a count was lost" }],
    },
    Model {
        name: "stripes: a slot that goes from one thread to another",
        threads: 2,
        check: a_slot_that_goes_on,
        twins: &[
            Twin { bug: "a slot for two", fails_with: "a count was lost" },
            Twin { bug: "a slot is given back before its last use", fails_with: "a count was lost" },
        ],
    },
    Model {
        name: "stripes: what ended against what began",
        threads: 2,
        check: what_ended_against_what_began,
        twins: &[
            Twin { bug: "relaxed: an end is counted", fails_with: "more ended than began" },
            Twin { bug: "relaxed: ends are read", fails_with: "more ended than began" },
        ],
    },
];

/// No count is lost.
fn threads_with_and_without_a_slot() {
    let counter = Shared::new(Striped::new());
    let threads = [0, NONE].map(|slot| spawn(slot, &counter, Striped::add));
    counter.add();
    assert!(counter.get() <= 3);
    threads.into_iter().for_each(join);
    assert_eq!(counter.get(), 3, "a count was lost");
}

/// Who gets a slot that another thread gave back goes on counting where that one stopped.
fn a_slot_that_goes_on() {
    let counter = Shared::new(Striped::new());
    let live = |counter: &Striped| {
        let lease = Lease::take();
        sit(lease.0);
        counter.add();
        drop(lease);
        // As what still runs at the end of a thread.
        counter.add();
    };
    let thread = spawn(NONE, &counter, live);
    live(&counter);
    join(thread);
    assert_eq!(counter.get(), 4, "a count was lost");
}

/// Whoever reads what ended first finds no less that began.
fn what_ended_against_what_began() {
    for slot in [0, NONE] {
        let counts = Shared::new((Striped::new(), Counter::default()));
        let thread = spawn(slot, &counts, |(began, ended)| {
            for _ in 0..2 {
                began.add();
                ended.add();
            }
        });
        let (began, ended) = &*counts;
        let ended = ended.get();
        assert!(ended <= began.get(), "more ended than began");
        join(thread);
    }
}
