//! Of the permits of bulkheads.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "who was called leaves with the permit",
        "algo/permits/shell.rs",
        "fn leave_queue",
        "return Left::Permit;",
        "return if $bug { Left::Nothing } else { Left::Permit };",
    ],
    [
        "a step that does not compare",
        "algo/permits/shell.rs",
        "fn step",
        "self.word\n",
        "if $bug {
            self.word.store(to.bits(), success);
            return Ok(());
        }
        self.word\n",
    ],
    [
        "a release that looks before it leaps",
        "algo/permits/shell.rs",
        "fn complete",
        "let before = Word::from_bits(",
        "let before = if $bug { Some(self.load()) } else { None };
        let before = before.unwrap_or(Word::from_bits(",
    ],
    ["a release that looks before it leaps", "algo/permits/shell.rs", "fn complete", "));\n", ")));\n"],
    [
        "a permit is handed on whatever the limit",
        "algo/permits/shell.rs",
        "fn call_next",
        "word.hand_over(self.limit())",
        "word.hand_over(if $bug { u64::MAX } else { self.limit() })",
    ],
    [
        "a higher limit calls nobody",
        "algo/permits/shell.rs",
        "fn set_limit",
        "while self.call_next()",
        "while !$bug && self.call_next()",
    ],
    [
        "a cancelled permit is handed to nobody",
        "algo/permits/shell.rs",
        "fn cancel",
        "if word.waiting() > 0 {",
        "if word.waiting() > 0 && !$bug {",
    ],
    [
        "a snapshot that looks before it locks",
        "algo/permits/shell.rs",
        "fn totals",
        "let waiting = lock(&self.waiting);
        let word = Word::from_bits(self.word.load(Acquire));",
        "let early = $bug.then(|| self.load());
        let waiting = lock(&self.waiting);
        let word = early.unwrap_or_else(|| Word::from_bits(self.word.load(Acquire)));",
    ],
];

const WEAK: &[Weak] = &[
    ["relaxed: try_enter", "algo/permits/shell.rs", "fn try_enter", "self.step(word, next, Acquire)"],
    ["relaxed: enter", "algo/permits/shell.rs", "fn enter(", "self.step(word, next, Acquire)"],
    ["relaxed: complete", "algo/permits/shell.rs", "fn complete", "self.word.fetch_sub(PERMIT, Release)"],
    ["relaxed: cancel", "algo/permits/shell.rs", "fn cancel", "self.step(word, word.cancel(), Release)"],
    ["relaxed: totals", "algo/permits/shell.rs", "fn totals", "self.word.load(Acquire)"],
    ["relaxed: call_next", "algo/permits/shell.rs", "fn call_next", "self.step(word, next, Acquire)"],
];
