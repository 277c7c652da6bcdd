#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

use super::{Kept, Table};
use crate::model::{Model, Shared, Twin, join, spawn};
use crate::sync::{Arc, AtomicU64, Mutex, Ordering::Relaxed, lock};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "engines by key: a call against its key that goes",
        threads: 2,
        check: a_call_against_its_key_that_goes,
        twins: &[Twin { bug: "an engine goes that is in hand", fails_with: "a call was lost" }],
    },
    Model {
        name: "engines by key: one new key, two that bring it",
        threads: 2,
        check: one_new_key,
        twins: &[Twin {
            bug: "an engine is made without another look",
            fails_with: "two engines of one key",
        }],
    },
    Model {
        name: "engines by key: other settings against a new key",
        threads: 2,
        check: other_settings_against_a_new_key,
        twins: &[Twin { bug: "engines change while one comes", fails_with: "an engine keeps old settings" }],
    },
    Model {
        name: "engines by key: a look at all against a key that comes and one that goes",
        threads: 2,
        check: a_look_against_a_key_that_goes,
        twins: &[Twin {
            bug: "who looks at all does not stand at the door",
            fails_with: "not each of them once",
        }],
    },
];

#[derive(Default)]
struct Engine {
    calls: AtomicU64,
    setting: AtomicU64,
}

impl Kept for Engine {
    type Totals = u64;

    fn is_idle(&mut self, _: Instant) -> bool {
        true
    }

    fn retire(&self, into: &mut u64) {
        *into += self.calls.load(Relaxed);
    }
}

const START: Instant = Instant::from_nanos(0);
/// In different shards.
const KEYS: [u64; 2] = [1 << 32 | 7, 2 << 32 | 7];

fn find(table: &Table<Engine>, key: u64, max_keys: u64) -> Option<Arc<Engine>> {
    let make = || table.find_or_make(key, START, max_keys, || (), |()| Engine::default());
    table.with(key, Arc::clone).or_else(make)
}

/// The call is counted by the engine that is there or by what remains of one that went.
fn a_call_against_its_key_that_goes() {
    let table = Shared::new(Table::new());
    drop(find(&table, KEYS[0], 1));
    let other = spawn(0, &table, |table| {
        let engine = table.with(KEYS[0], Arc::clone);
        engine.is_some_and(|engine| engine.calls.fetch_add(1, Relaxed) == 0)
    });
    drop(find(&table, KEYS[1], 1));
    // What it did is seen without having waited for it, if its key went.
    let mut gone = 0;
    let is_here = table.with(KEYS[0], |_| ()).is_some();
    table.look(|_| (), |calls| gone += calls);
    let has_called = join(other);
    let mut here = 0;
    table.look(|engine| here += engine.calls.load(Relaxed), |_| ());
    let counted = if is_here { here } else { gone };
    assert_eq!(counted, u64::from(has_called), "a call was lost");
}

/// Both get the same.
fn one_new_key() {
    let table = Shared::new(Table::new());
    let other = spawn(0, &table, |table| find(table, KEYS[0], 4));
    let own = find(&table, KEYS[0], 4);
    let others = join(other);
    let is_same = own.zip(others).is_some_and(|(own, other)| Arc::ptr_eq(&own, &other));
    assert!(is_same && table.len() == 1, "two engines of one key");
}

/// The engine that is there, the one that comes, and the one that is shared have them.
fn other_settings_against_a_new_key() {
    let settings = Shared::new((Mutex::new(0), Table::new(), Arc::new(Engine::default())));
    drop(find(&settings.1, KEYS[0], 1));
    let thread = spawn(0, &settings, |(known, table, shared)| {
        table.change(|mut all| {
            *lock(known) = 1;
            all.push(Arc::clone(shared));
            all.iter().for_each(|engine| engine.setting.store(1, Relaxed));
        });
    });
    let (known, table, shared) = &*settings;
    let make = |()| Engine { setting: AtomicU64::new(*lock(known)), ..Engine::default() };
    let new = table.find_or_make(KEYS[1], START, 2, || (), make);
    join(thread);
    let mut all = vec![Arc::clone(shared), new.expect("a place")];
    table.look(|engine| all.push(Arc::clone(engine)), |_| ());
    let has_it = |engine: &Arc<Engine>| engine.setting.load(Relaxed) == 1;
    assert!(all.len() == 4 && all.iter().all(has_it), "an engine keeps old settings");
}

/// Each is seen where it is or as what remains of it, and none twice.
fn a_look_against_a_key_that_goes() {
    let table = Shared::new(Table::new());
    find(&table, KEYS[1], 1).expect("a place").calls.store(1, Relaxed);
    let thread = spawn(0, &table, |table| drop(find(table, KEYS[0], 1)));
    let (mut engines, mut calls, mut gone) = (0, 0, 0);
    table.look(
        |engine| {
            engines += 1;
            calls += engine.calls.load(Relaxed);
        },
        |before| gone += before,
    );
    assert_eq!((engines, calls + gone), (1, 1), "not each of them once");
    join(thread);
}
