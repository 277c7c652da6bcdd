//! Of rate limits, by key as well.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "a decision that does not compare",
        "algo/gcra/bucket.rs",
        "fn replace",
        "self.word.compare",
        "if $bug {
            self.word.store(next, Relaxed);
            return true;
        }
        self.word.compare",
    ],
    [
        "the word does not tell its rate",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "| epoch(version);",
        "| if $bug { 0 } else { epoch(version) };",
    ],
    [
        "nobody is told that the rate changes",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "self.version.store(version.wrapping_sub(1), Relaxed);",
        "self.version.store(version.wrapping_sub(if $bug { 2 } else { 1 }), Relaxed);",
    ],
    [
        "a new key is not looked for again",
        "algo/gcra/table.rs",
        "fn admit_new",
        "= shard.admit(key, now, cost)",
        "= (!$bug).then(|| shard.admit(key, now, cost)).flatten()",
    ],
    [
        "a place is taken in two steps",
        "algo/gcra/table.rs",
        "fn reserve",
        "self.len.fetch_update(",
        "crate::model::in_steps(&self.len, $bug, ",
    ],
    [
        "a key is evicted by an old record",
        "algo/gcra/shard.rs",
        "fn evict",
        "self.states.get(key).unwrap_or(recorded)",
        "self.states.get(key).filter(|_| !$bug).unwrap_or(recorded)",
    ],
    [
        "keys are converted outside of the lock",
        "algo/gcra/table.rs",
        "fn set_rate",
        "let mut shard = lock(shard);",
        "if $bug {
                let mut outside = std::mem::replace(&mut *lock(shard), Shard::new(to));
                outside.set_rate(to, now);
                *lock(shard) = outside;
                continue;
            }
            let mut shard = lock(shard);",
    ],
    [
        "quotas change without a lock",
        "algo/gcra/table.rs",
        "fn set_rate",
        "let _alone = lock(&self.changing);",
        "let _alone = (!$bug).then(|| lock(&self.changing));",
    ],
    [
        "what keys share is converted in two steps",
        "algo/gcra/table.rs",
        "fn set_rate",
        "let mut shared = lock(&self.shared);",
        "let mut shared = lock(&self.shared);
        if $bug {
            let before = shared.state;
            drop(shared);
            shared = lock(&self.shared);
            shared.state = before;
        }",
    ],
];

const WEAK: &[Weak] = &[
    [
        "relaxed: the version is read",
        "algo/gcra/bucket.rs",
        "fn load(&self) -> (Rate",
        "self.version.load(Acquire)",
    ],
    [
        "relaxed: the version is written",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "self.version.store(version, Release)",
    ],
    [
        "relaxed: the word is read",
        "algo/gcra/bucket.rs",
        "fn load(&self) -> (Rate",
        "self.word.load(Acquire)",
    ],
    [
        "relaxed: the word is converted",
        "algo/gcra/bucket.rs",
        "fn set_rate",
        "(word, converted, Release, Relaxed)",
    ],
    ["relaxed: the rate is read", "algo/gcra/bucket.rs", "fn load(&self) -> Rate", "part.load(Acquire)"],
    [
        "relaxed: the interval is written",
        "algo/gcra/bucket.rs",
        "fn store",
        "self.interval.store(interval, Release)",
    ],
    ["relaxed: the burst is written", "algo/gcra/bucket.rs", "fn store", "self.burst.store(burst, Release)"],
];
