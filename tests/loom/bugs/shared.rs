//! Of what all engines are made of: counters, slots of threads, names.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "whoever has no slot is alone",
        "stripe.rs",
        "fn here",
        "is_alone: slot < last",
        "is_alone: $bug || slot < last",
    ],
    [
        "a slot for two",
        "stripe.rs",
        "fn take() -> Self",
        "free.next = free.next.saturating_add(1);",
        "free.next = free.next.saturating_add(1);
        if $bug {
            free.next = 1;
        }",
    ],
    [
        "a slot is given back before its last use",
        "stripe.rs",
        "impl Drop for Lease",
        "sit(NONE);",
        "if !$bug {
            sit(NONE);
        }",
    ],
    [
        "a spare is kept for ever",
        "spread.rs",
        "impl<T: Spared> Drop for Lent",
        "let before =",
        "if $bug {
                std::mem::forget(lane);
                return;
            }
            let before =",
    ],
    [
        "who was late puts it back",
        "clock/ahead.rs",
        "fn note",
        "self.0.fetch_max(nanos, Relaxed);",
        "if $bug {
                self.0.store(nanos, Relaxed);
            } else {
                self.0.fetch_max(nanos, Relaxed);
            }",
    ],
    [
        "a bucket counts in two steps",
        "algo/histogram/shared.rs",
        "fn record",
        "count.fetch_add(1, Relaxed);",
        "let _ = crate::model::in_steps(count, $bug, Relaxed, Relaxed, |count| count.checked_add(1));",
    ],
];

const WEAK: &[Weak] = &[
    ["relaxed: an end is counted", "algo/counter.rs", "fn add", "self.0.fetch_add(1, Ordering::Release)"],
    ["relaxed: ends are read", "algo/counter.rs", "fn get", "self.0.load(Ordering::Acquire)"],
    [
        "relaxed: a name is told",
        "name/word.rs",
        "fn set",
        "self.0.store(NameId::from(name).to_bits(), Release)",
    ],
    ["relaxed: a name is read", "name/word.rs", "fn get", "self.0.load(Acquire)"],
];
