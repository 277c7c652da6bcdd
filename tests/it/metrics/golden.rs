//! What the metrics say of engines of which it is known what happened to them. With `BLESS=1` in the environment it is
//! written anew.

use std::fmt::Write as _;
use std::path::Path;

use super::fixture::Everything;
use super::samples::visited;

#[tokio::test(start_paused = true)]
async fn each_metric_says_what_happened() {
    let everything = Everything::new("golden").await;
    let mut told = String::new();
    for ((name, labels), value) in visited(&everything.snapshot()).iter() {
        // Zeros say nothing; the rest of what is left out depends on settings, on jitter, or on other tests.
        let others =
            ["_bucket", "_fingerprint", "_state_seconds", "_budget_tokens", "_engines", "_saturation"];
        if *value != 0.0 && !others.iter().any(|other| name.ends_with(other)) {
            let labels = labels.iter().filter(|(label, _)| label != "stack");
            let labels: Vec<_> = labels.map(|(label, value)| format!("{label}={value}")).collect();
            writeln!(told, "{name} {} {value}", labels.join(" ")).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/metrics/golden.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let lacks = |these: &str, those: &str| -> Vec<String> {
        these.lines().filter(|line| !those.lines().any(|other| other == *line)).map(str::to_owned).collect()
    };
    let (more, less) = (lacks(&told, &expected), lacks(&expected, &told));
    assert!(more.is_empty() && less.is_empty(), "not expected: {more:#?}\nexpected: {less:#?}");
}
