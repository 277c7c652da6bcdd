//! Debian's package `prometheus` brings `promtool`. These tests fail without it, they are not left out.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Fails if promtool does not read this, or has anything to say against it.
pub fn check_metrics(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| missing(&error));
    let mut input = promtool.stdin.take().unwrap();
    let written = input.write_all(text.as_bytes());
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    passed("promtool check metrics", &output);
    written.unwrap();
}

fn missing(error: &std::io::Error) -> ! {
    panic!("promtool is needed ({error}): install Debian's package `prometheus`, or run tests/run.sh as root")
}

fn passed(what: &str, output: &Output) {
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{said}", output.status);
}

/// Runs promtool in the root of the repository.
pub fn run(args: &[&str]) {
    let mut promtool = Command::new("promtool");
    let output = promtool.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    passed(&args.join(" "), &output.unwrap_or_else(|error| missing(&error)));
}
