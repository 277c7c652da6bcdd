//! Of those that wait for a rate limit.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "a newcomer does not look who waits",
        "algo/gcra/line.rs",
        "fn take(",
        "self.waiting.load(Relaxed) == 0",
        "$bug || self.waiting.load(Relaxed) == 0",
    ],
    [
        "who comes late counts nobody ahead",
        "algo/gcra/line.rs",
        "fn look(",
        "let ahead = if is_first {",
        "let ahead = if is_first || $bug {",
    ],
    [
        "who waits looks before it registers",
        "algo/gcra/line.rs",
        "fn look(",
        "let former =",
        "if $bug {
            drop(waiters);
            waiters = lock(&self.waiters);
        }
        let former =",
    ],
    [
        "the mode is looked at first",
        "algo/gcra/line.rs",
        "fn look(",
        "let mut waiters =",
        "let early = $bug.then(&passes);
        let mut waiters =",
    ],
    [
        "the mode is looked at first",
        "algo/gcra/line.rs",
        "fn look(",
        "if passes()",
        "if early.unwrap_or_else(&passes)",
    ],
    [
        "who goes wakes nobody",
        "algo/gcra/line.rs",
        "fn leave_locked(",
        "if let Some(first) = first {",
        "if let Some(first) = first.filter(|_| !$bug) {",
    ],
    [
        "another quota wakes nobody",
        "algo/gcra/line.rs",
        "fn set_quota(",
        "self.wake_all();",
        "if !$bug {
            self.wake_all();
        }",
    ],
    [
        "who waits is counted outside of the lock",
        "algo/gcra/line.rs",
        "fn leave_locked(",
        "self.count_waiting(&waiters);
        drop(waiters);",
        "let len = waiters.queue.len() as u64;
        if !$bug {
            self.count_waiting(&waiters);
        }
        drop(waiters);
        if $bug {
            self.waiting.store(len, Relaxed);
        }",
    ],
];

const WEAK: &[Weak] = &[];
