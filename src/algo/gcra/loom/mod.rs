#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

pub(crate) mod line;

use std::num::NonZeroU32;

use super::{Bucket, Rate, Refusal, Table};
use crate::algo::keyed::Overflow;
use crate::model::{Model, Shared, Twin, join, spawn};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "rate limit: one cell, two takers",
        threads: 2,
        check: one_cell_two_takers,
        twins: &[Twin { bug: "a decision that does not compare", fails_with: "not one cell for two" }],
    },
    Model {
        name: "rate limit: two cells, three takers",
        threads: 3,
        check: two_cells_three_takers,
        twins: &[Twin { bug: "a decision that does not compare", fails_with: "not two cells for three" }],
    },
    Model {
        name: "rate limit: a take against another quota",
        threads: 2,
        check: a_take_against_another_quota,
        twins: &[Twin {
            bug: "the word does not tell its rate",
            fails_with: "a cell made, lost or of another size",
        }],
    },
    Model {
        name: "rate limit: a look against another quota",
        threads: 2,
        check: a_look_against_another_quota,
        twins: &[
            Twin { bug: "nobody is told that the rate changes", fails_with: "half of a change" },
            Twin { bug: "relaxed: the version is read", fails_with: "half of a change" },
            Twin { bug: "relaxed: the version is written", fails_with: "half of a change" },
            Twin { bug: "relaxed: the rate is read", fails_with: "half of a change" },
            Twin { bug: "relaxed: the interval is written", fails_with: "half of a change" },
            Twin { bug: "relaxed: the burst is written", fails_with: "half of a change" },
            Twin { bug: "relaxed: the word is read", fails_with: "half of a change" },
            Twin { bug: "relaxed: the word is converted", fails_with: "half of a change" },
        ],
    },
    Model {
        name: "rate limit by key: one cell of a new key, two takers",
        threads: 2,
        check: one_cell_of_a_new_key,
        twins: &[Twin { bug: "a new key is not looked for again", fails_with: "is here already" }],
    },
    Model {
        name: "rate limit by key: one place, two new keys",
        threads: 2,
        check: one_place_two_new_keys,
        twins: &[Twin { bug: "a place is taken in two steps", fails_with: "more keys than places" }],
    },
    Model {
        name: "rate limit by key: a take against the eviction of the key",
        threads: 2,
        check: a_take_against_the_eviction_of_the_key,
        twins: &[Twin { bug: "a key is evicted by an old record", fails_with: "a key in use was evicted" }],
    },
    Model {
        name: "rate limit by key: a take against another quota",
        threads: 2,
        check: a_take_of_a_key_against_another_quota,
        twins: &[Twin {
            bug: "keys are converted outside of the lock",
            fails_with: "a cell made, lost or of another size",
        }],
    },
    Model {
        name: "rate limit by key: a take without a place against another quota",
        threads: 2,
        check: a_take_without_a_place_against_another_quota,
        twins: &[Twin {
            bug: "what keys share is converted in two steps",
            fails_with: "a cell made, lost or of another size",
        }],
    },
    Model {
        name: "rate limit by key: two quotas at once",
        threads: 2,
        check: two_quotas_at_once,
        twins: &[Twin { bug: "quotas change without a lock", fails_with: "two quotas at once" }],
    },
];

const ONE: NonZeroU32 = NonZeroU32::MIN;
const START: Instant = Instant::from_nanos(0);
/// In different shards.
const KEYS: [u64; 2] = [1 << 32 | 7, 2 << 32 | 7];

/// A cell each so many nanoseconds, and so many at once.
fn rate(interval: u64, burst: u32) -> Rate {
    Rate::new(interval, burst).expect("a valid rate")
}

fn count(taken: impl IntoIterator<Item = Result<(), Refusal>>) -> usize {
    taken.into_iter().filter(Result::is_ok).count()
}

/// One of them gets it.
fn one_cell_two_takers() {
    let bucket = Shared::new(Bucket::new(rate(10, 1)));
    let other = spawn(0, &bucket, |bucket| bucket.admit(START, ONE));
    let taken = count([bucket.admit(START, ONE), join(other)]);
    assert_eq!((taken, bucket.read().1), (1, 10), "not one cell for two");
}

/// Two of them get one.
fn two_cells_three_takers() {
    let bucket = Shared::new(Bucket::new(rate(10, 2)));
    let others = [0, 1].map(|slot| spawn(slot, &bucket, |bucket| bucket.admit(START, ONE)));
    let own = bucket.admit(START, ONE);
    let taken = count([own].into_iter().chain(others.map(join)));
    assert_eq!((taken, bucket.read().1), (2, 20), "not two cells for three");
}

/// By whichever quota it is decided, the cell is one of the new quota in the end.
fn a_take_against_another_quota() {
    let bucket = Shared::new(Bucket::new(rate(10, 1)));
    let other = spawn(0, &bucket, |bucket| bucket.set_rate(rate(100, 3), START));
    let taken = bucket.admit(START, ONE);
    join(other);
    assert_eq!(taken, Ok(()));
    assert_eq!(bucket.read(), (rate(100, 3), 100), "a cell made, lost or of another size");
}

/// Rate and state are both old or both new. Twice, so that a mixture of two changes would show as well.
fn a_look_against_another_quota() {
    let bucket = Shared::new(Bucket::new(rate(10, 1)));
    bucket.admit(START, ONE).expect("nothing is used");
    let other = spawn(0, &bucket, |bucket| bucket.set_rate(rate(100, 3), START));
    for _ in 0..2 {
        let seen = bucket.read();
        let whole = [(rate(10, 1), 10), (rate(100, 3), 100)];
        assert!(whole.contains(&seen), "half of a change: {seen:?}");
    }
    join(other);
    assert_eq!(bucket.read(), (rate(100, 3), 100));
}

fn admit(table: &Table, key: u64, now: Instant, max_keys: u64) -> Result<(), Refusal> {
    table.admit(key, now, ONE, max_keys, Overflow::Reject).0
}

/// One of them gets it, and the key has one place.
fn one_cell_of_a_new_key() {
    let table = Shared::new(Table::new(rate(10, 1)));
    let other = spawn(0, &table, |table| admit(table, KEYS[0], START, 4));
    let taken = count([admit(&table, KEYS[0], START, 4), join(other)]);
    assert_eq!((taken, table.len(), table.admitted()), (1, 1, 1), "not one cell for two");
}

/// One of them gets it.
fn one_place_two_new_keys() {
    let table = Shared::new(Table::new(rate(10, 1)));
    let other = spawn(0, &table, |table| admit(table, KEYS[1], START, 1));
    let taken = count([admit(&table, KEYS[0], START, 1), join(other)]);
    assert_eq!((taken, table.len(), table.admitted()), (1, 1, 1), "more keys than places");
}

/// Either the key is taken from first, and stays; or it goes first, and one of the two gets its place.
fn a_take_against_the_eviction_of_the_key() {
    let table = Shared::new(Table::new(rate(10, 1)));
    admit(&table, KEYS[0], START, 1).expect("it is empty");
    let filled = Instant::from_nanos(10);
    let other = spawn(0, &table, move |table| admit(table, KEYS[1], filled, 1));
    let taken = count([admit(&table, KEYS[0], filled, 1), join(other)]);
    assert_eq!((taken, table.len()), (1, 1), "a key in use was evicted");
    let again = count(KEYS.map(|key| admit(&table, key, filled, 1)));
    assert_eq!(again, 0, "a key in use was evicted");
}

/// By whichever quota it is decided, the cell is one of the new quota in the end.
fn a_take_of_a_key_against_another_quota() {
    let table = Shared::new(Table::new(rate(10, 2)));
    admit(&table, KEYS[0], START, 4).expect("it is empty");
    let other = spawn(0, &table, |table| table.set_rate(rate(100, 3), START));
    let taken = admit(&table, KEYS[0], START, 4);
    join(other);
    assert_eq!(taken, Ok(()));
    let seen = table.read(KEYS[0], START, 4, Overflow::Reject);
    assert_eq!(seen, Some((rate(100, 3), 200)), "a cell made, lost or of another size");
}

/// The same of the limit that all keys without a place share.
fn a_take_without_a_place_against_another_quota() {
    let table = Shared::new(Table::new(rate(10, 1)));
    admit(&table, KEYS[0], START, 1).expect("it is empty");
    let other = spawn(0, &table, |table| table.set_rate(rate(100, 3), START));
    let (taken, _) = table.admit(KEYS[1], START, ONE, 1, Overflow::Share);
    join(other);
    assert_eq!(taken, Ok(()));
    let seen = table.read(KEYS[1], START, 1, Overflow::Share);
    assert_eq!(seen, Some((rate(100, 3), 100)), "a cell made, lost or of another size");
}

/// The last one is in force for all keys.
fn two_quotas_at_once() {
    let table = Shared::new(Table::new(rate(10, 1)));
    let other = spawn(0, &table, |table| table.set_rate(rate(20, 2), START));
    table.set_rate(rate(30, 3), START);
    join(other);
    let in_force = table.rate();
    for key in KEYS {
        let seen = table.read(key, START, 4, Overflow::Reject);
        assert_eq!(seen, Some((in_force, 0)), "two quotas at once");
    }
}
