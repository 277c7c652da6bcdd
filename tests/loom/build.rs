//! Copies the library's source with all known bugs in it, each of them asleep until a twin wakes it.
//!
//! So the shipped source knows nothing of bugs, and a bug is a few words of text beside the text that they replace.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a build that cannot go on stops")]

use std::fs;
use std::path::{Path, PathBuf};

mod bugs;

/// The modules of the library that the models need, in the place that they have there.
const MODULES: [(&str, &str); 8] = [
    ("algo", "algo/mod.rs"),
    ("error", "error.rs"),
    ("mode", "mode.rs"),
    ("rng", "rng.rs"),
    ("spread", "spread.rs"),
    ("stripe", "stripe.rs"),
    ("sync", "sync.rs"),
    ("units", "units.rs"),
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(buttress_loom)");
    println!("cargo::rustc-cfg=buttress_loom");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src").canonicalize().unwrap();
    let out = PathBuf::from(std::env::var("OUT_DIR").unwrap());
    let copy = out.join("src");
    for input in [source.as_path(), Path::new("build.rs"), Path::new("bugs.rs")] {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    let _ = fs::remove_dir_all(&copy);
    copy_dir(&source, &copy);
    let bugs = bugs::all().into_iter().enumerate();
    let homeless: Vec<_> = bugs.filter_map(|(number, bug)| seed(&copy, number, &bug)).collect();

    let of = |name: &str, path: &str| {
        let file = copy.join(path);
        format!("#[path = {file:?}] pub(crate) mod {name};\n")
    };
    let all: String = MODULES.map(|(name, path)| of(name, path)).concat();
    let homeless = format!("pub(crate) const HOMELESS: &[&str] = &{homeless:?};\n");
    let source = format!("pub(crate) const SOURCE: &str = {copy:?};\n");
    fs::write(out.join("library.rs"), [all, homeless, source].concat()).unwrap();
    fs::write(out.join("listeners.rs"), of("listeners", "circuit_breaker/listeners.rs")).unwrap();
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_dir(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// Puts the bug into the copy. Its name, if there is no place for it any more.
fn seed(copy: &Path, number: usize, bug: &bugs::Bug) -> Option<String> {
    let file = copy.join(bug.file);
    let text = fs::read_to_string(&file).unwrap();
    let place = text.find(bug.within).and_then(|from| Some(text[from..].find(bug.original)? + from));
    let Some(place) = place else { return Some(bug.name.into()) };
    let is_awake = format!("crate::model::is_awake({number})");
    let buggy = bug.replacement.replace("$bug", &is_awake);
    let rest = &text[place + bug.original.len()..];
    fs::write(&file, format!("{}{buggy}{rest}", &text[..place])).unwrap();
    None
}
