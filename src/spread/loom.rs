#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

use std::cell::Cell;

use super::{SPARES, Spared, Spares, Spread};
use crate::model::{Log, Model, Shared, Twin, join, spawn};
use crate::sync::thread_locals;

pub(crate) const MODELS: &[Model] = &[Model {
    name: "spread: a call against the end of its engine",
    threads: 2,
    check: a_call_against_the_end_of_its_engine,
    twins: &[Twin { bug: "a spare is kept for ever", fails_with: "Arc leaked" }],
}];

struct Value {
    abandoned: Shared<Log<()>>,
    dropped: Shared<Log<()>>,
}

thread_locals! {
    static SPARE: Spares<Value> = [const { Cell::new(None) }; SPARES];
}

impl Spared for Value {
    fn count() -> u64 {
        0
    }

    fn with_spares<R>(act: impl FnOnce(&Spares<Self>) -> R) -> Option<R> {
        SPARE.try_with(act).ok()
    }

    fn abandoned(&self) {
        self.abandoned.push(());
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.dropped.push(());
    }
}

/// What is lent holds the value. It knows once that it is abandoned, and nothing of it stays.
fn a_call_against_the_end_of_its_engine() {
    let [abandoned, dropped] = [(); 2].map(|()| Log::new());
    let value = Value { abandoned: Shared::clone(&abandoned), dropped: Shared::clone(&dropped) };
    let spread = Spread::new(value);
    let [one, other] = [spread.lend(), spread.lend()];
    let thread = spawn(0, &dropped, move |dropped| {
        drop(one);
        assert_eq!(dropped.all().len(), 0, "gone while a call held it");
        drop(other);
    });
    drop(spread.lend());
    drop(spread);
    assert_eq!(abandoned.all().len(), 1);
    join(thread);
}
