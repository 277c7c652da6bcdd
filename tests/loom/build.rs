//! Copies the library's source with all known bugs in it, each of them asleep until a twin wakes it.
//!
//! So the shipped source knows nothing of bugs, and a bug is a few words of text beside the text that they replace.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

mod bugs;

/// The modules of the library that the models need.
const MODULES: [&str; 9] = ["algo", "error", "mode", "name", "rng", "spread", "stripe", "sync", "units"];

/// The same of modules that are there in part.
const PARTS: [(&str, &[&str]); 3] = [
    ("clock", &["ahead", "loom"]),
    ("circuit_breaker", &["audience", "delivery", "listeners", "loom"]),
    ("registry", &["lever", "loom", "overrides", "switch", "text"]),
];

fn main() -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(buttress_loom)");
    println!("cargo::rustc-cfg=buttress_loom");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    let copy = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("src");
    for input in [source.as_path(), Path::new("build.rs"), Path::new("bugs")] {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    copy_dir(&source, &copy)?;
    for [file, original, replacement] in bugs::SMALLER.iter().chain(&bugs::WATCHED) {
        assert!(replace(&copy.join(file), "", original, replacement)?, "{file} has no {original}");
    }
    let mut homeless = Vec::new();
    for bug in bugs::all() {
        if !seed(&copy, &bug)? {
            homeless.push(bug.name);
        }
    }
    // Beside the modules, so that they are found there.
    let list = |modules: &[&str]| -> String {
        modules.iter().map(|name| format!("pub(crate) mod {name};\n")).collect()
    };
    let homeless = format!("pub(crate) const HOMELESS: &[&str] = &{homeless:?};\n");
    let source = format!("pub(crate) const SOURCE: &str = {copy:?};\n");
    fs::write(copy.join("library.rs"), [list(&MODULES), homeless, source].concat())?;
    for (dir, modules) in PARTS {
        fs::write(copy.join(dir).join("library.rs"), list(modules))?;
    }
    Ok(())
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_dir(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// Puts the bug into the copy. False if there is no place for it any more.
fn seed(copy: &Path, bug: &bugs::Bug) -> io::Result<bool> {
    let number = bugs::number(bug.name).expect("it is one of them");
    let buggy = bug.replacement.replace("$bug", &format!("crate::model::is_awake({number})"));
    replace(&copy.join(bug.file), bug.within, bug.original, &buggy)
}

/// The first place after `within`.
fn replace(file: &Path, within: &str, original: &str, replacement: &str) -> io::Result<bool> {
    let text = fs::read_to_string(file)?;
    let (before, after) = match text.find(within) {
        Some(from) => text.split_at(from),
        None => return Ok(false),
    };
    let Some((between, rest)) = after.split_once(original) else { return Ok(false) };
    fs::write(file, [before, between, replacement, rest].concat())?;
    Ok(true)
}
