//! What threads share and no model looks at, with the reason why none has to.

use std::fs;
use std::path::Path;

use crate::{bugs, orderings};

/// Files, and why.
pub(crate) const UNMODELLED: &[(&[&str], &str)] = &[
    (
        &[
            "bulkhead/engine.rs",
            "circuit_breaker/durations.rs",
            "fallback/engine.rs",
            "integrations/http/propagate/inherit.rs",
            "mode.rs",
            "places.rs",
            "rate_limit/counts.rs",
            "rate_limit/engine.rs",
            "timeout/engine.rs",
        ],
        "counters and settings that stand for themselves: each use is one atomic step on one word. What counts a part of \
         what another counts comes after it and is read before it, as the model of what ended against what began has \
         it, or a snapshot cuts it off",
    ),
    (&["rng.rs"], "a sequence of numbers: whoever takes one steps on, in one atomic step"),
    (&["stack/plate.rs"], "whoever swaps the flag first is the first"),
    (
        &["circuit_breaker/engine.rs", "rate_limit/keyed/engine.rs", "retry/budget.rs", "retry/engine.rs"],
        "settings that change under one lock, which is held until they are in force; what calls read beside it is a \
         number that stands for itself, and what they count is a part that comes after the whole, as above",
    ),
    (
        &["bulkhead/keyed/engine.rs", "circuit_breaker/keyed/circuit.rs", "circuit_breaker/keyed/engine.rs"],
        "settings that change and are read for a new key at the door of the table, which is modelled; what is counted \
         is counted by whoever delivers, which is modelled too",
    ),
    (
        &[
            "integrations/admin/shared.rs",
            "integrations/opentelemetry.rs",
            "registry/journal.rs",
            "registry/panel.rs",
            "spare.rs",
        ],
        "what is behind one lock, taken for one look or one change; nobody waits for it",
    ),
    (
        &["registry/registry.rs", "registry/roster.rs"],
        "one lock: under it engines join, and the mode of the process is given to those that have joined; each engine's \
         own part is modelled",
    ),
    (
        &["integrations/http/replay_body/body.rs"],
        "the body of one call, behind one lock that is taken for one poll; nobody is woken and nothing is dropped under it",
    ),
    (
        &["causes.rs", "clock/paused.rs", "integrations/http/reject.rs", "name/table.rs"],
        "cells of std that are written once: whoever finds one written sees all of it",
    ),
    (&["clock/counter.rs"], "a flag that is raised once; how far the counter was ahead is modelled"),
];

/// What the library makes shared state of.
const SHARED: [&str; 7] = ["AtomicBool", "AtomicU64", "Condvar", "Mutex", "OnceLock", "RwLock", "Weak"];

/// How many files have shared state and neither a bug in it nor a reason, or are told of in vain.
pub(crate) fn check() -> usize {
    let mut failed = 0;
    let mut shared = Vec::new();
    for file in orderings::all_sources() {
        let text = fs::read_to_string(&file).expect("the build wrote it");
        let file = file.strip_prefix(crate::SOURCE).expect("it was found there").to_path_buf();
        if file != Path::new("sync.rs") && orderings::code(&text).any(names_shared) {
            shared.push(file);
        }
    }
    let (mut modelled, bugs) = (0, bugs::all());
    for file in &shared {
        let has_bug = bugs.iter().any(|bug| Path::new(bug.file) == file);
        modelled += usize::from(has_bug);
        if has_bug == reasons().any(|told| Path::new(told) == file) {
            failed += 1;
            let wrong =
                if has_bug { "told of in vain" } else { "no bug is seeded in it, and no reason told" };
            println!("FAILED {}: {wrong}", file.display());
        }
    }
    for gone in reasons().filter(|told| !shared.iter().any(|file| file == Path::new(told))) {
        failed += 1;
        println!("FAILED {gone}: threads share nothing there");
    }
    println!("{} files with shared state, {modelled} of them with bugs that models find", shared.len());
    failed
}

fn reasons() -> impl Iterator<Item = &'static str> {
    UNMODELLED.iter().flat_map(|(files, _)| *files).copied()
}

fn names_shared(line: &str) -> bool {
    SHARED.iter().any(|name| line.contains(name))
}
