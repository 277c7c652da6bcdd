//! The list of models for people, in `docs/interleavings.md`.

use std::fs;
use std::path::Path;

use crate::list;
use crate::model::Model;
use crate::unmodelled::UNMODELLED;

const HEAD: &str = "\
# Interleavings

What `tests/loom.sh` checks: for each model every interleaving of its threads and every value that a load may return;
for those of three threads, with up to three preemptions, and five with `--deep`. Then the same with each of the bugs,
which has to fail. A bug that begins with \"relaxed\" is an access with a weaker ordering: every one that is stronger than
relaxed has such a bug, or a reason in `tests/loom/src/orderings.rs`. Written by `tests/loom.sh --list`.

The checker is [loom](https://docs.rs/loom). It never lets a weak exchange fail without cause, no load reads what is
stored later, and of a word it remembers the last seven values.

| model | threads | bugs that it finds |
|---|---|---|
";

const OTHERS: &str = "
## What no model looks at

The other files of `src` that have a lock, an atomic or a cell in them.

| file | why not |
|---|---|
";

pub(crate) fn table() -> String {
    let row = |model: &Model| {
        let bugs: Vec<_> = model.twins.iter().map(|twin| twin.bug).collect();
        format!("| {} | {} | {} |\n", model.name, model.threads, bugs.join("; "))
    };
    let reason = |(files, reason): &(&[&str], &str)| {
        let files: Vec<_> = files.iter().map(|file| format!("`{file}`")).collect();
        format!("| {} | {reason} |\n", files.join(", "))
    };
    let models = list::all().map(row).collect::<String>();
    let others = UNMODELLED.iter().map(reason).collect::<String>();
    [HEAD, &models, OTHERS, &others].concat()
}

/// Whether the list for people is another one.
pub(crate) fn check() -> usize {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/interleavings.md");
    let is_same = fs::read_to_string(file).is_ok_and(|text| text == table());
    if !is_same {
        println!("FAILED docs/interleavings.md is not what `tests/loom.sh --list` writes");
    }
    usize::from(!is_same)
}
