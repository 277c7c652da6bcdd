//! Every access that is stronger than relaxed is proved needed by a twin in which it is not.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::Twin;
use crate::{bugs, list};

/// Accesses that are stronger than any model can tell, with the reason why they stay.
const KEPT: &[[&str; 3]] = &[[
    "algo/counter.rs",
    "self.0.store(u64::MAX, Ordering::Release);",
    "no model counts that far, and a plain store would hide the releases before it",
]];

/// How many accesses have neither a twin nor a reason, or are told of in vain.
pub(crate) fn check() -> usize {
    let (mut strong, mut failed) = (0, 0);
    for file in all_sources() {
        let text = fs::read_to_string(&file).expect("the build wrote it");
        let file = file.strip_prefix(crate::SOURCE).expect("it was found there");
        for line in accesses(&text) {
            strong += 1;
            let is_kept = KEPT.iter().any(|[path, access, _]| file.ends_with(path) && line.contains(access));
            if !line.contains("crate::model::is_awake(") && !is_kept {
                failed += 1;
                println!("FAILED {}: no twin needs: {line}", file.display());
            }
        }
    }
    let used: Vec<_> = list::all().flat_map(|model| model.twins).map(|Twin { bug, .. }| *bug).collect();
    for bug in bugs::all().into_iter().filter(|bug| !used.contains(&bug.name)) {
        failed += 1;
        println!("FAILED no twin has the bug: {}", bug.name);
    }
    println!("{strong} accesses stronger than relaxed, {failed} without a proof or a reason");
    failed
}

/// The library's files, without tests and models.
pub(crate) fn all_sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    sources(Path::new(crate::SOURCE), &mut files);
    files
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("the build wrote it") {
        let path = entry.expect("the build wrote it").path();
        let is = |name: &str| path.file_name().is_some_and(|file| file == name);
        if path.is_dir() && !is("tests") && !is("loom") {
            sources(&path, found);
        } else if path.extension().is_some_and(|is| is == "rs") && !is("tests.rs") && !is("loom.rs") {
            found.push(path);
        }
    }
}

/// The lines with a strong ordering.
fn accesses(text: &str) -> impl Iterator<Item = &str> {
    code(text)
        .filter(|line| ["Acquire", "Release", "AcqRel", "SeqCst"].iter().any(|order| line.contains(order)))
}

/// No comments, no imports, no tests.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut in_use = false;
    code.lines().map(str::trim).filter(move |line| {
        let is_import = in_use || line.starts_with("use ") || line.starts_with("pub(crate) use ");
        in_use = is_import && !line.ends_with(';');
        !is_import && !line.starts_with("//")
    })
}
