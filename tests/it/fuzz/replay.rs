use std::fs;
use std::path::Path;

use super::{headers, operations, settings};

/// Runs all that is in the corpus of this target.
fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{corpus:?} is empty");
    for file in files {
        // If it fails, this is the one.
        println!("{}", file.display());
        run(&fs::read(&file).unwrap());
    }
}

#[test]
fn bc_24_any_settings_are_refused_by_name_or_work() {
    replay("settings", settings::run);
}

#[test]
fn any_headers_are_read_without_harm() {
    replay("headers", headers::run);
}

#[test]
fn any_operations_keep_the_laws() {
    replay("operations", operations::run);
}
