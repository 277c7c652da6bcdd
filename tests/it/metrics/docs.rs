//! The table in `docs/metrics.md` is made here. With `BLESS=1` in the environment it is written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use buttress::metrics::{descriptors, visit};

use super::fixture::Everything;

#[tokio::test(start_paused = true)]
async fn the_documented_metrics_are_those_that_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let expected = page(&Everything::new("documented").await);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/metrics.md is out of date: run this test with BLESS=1, and look at the change"
    );
}

const HEAD: &str = "\
# Metrics

The same names in Prometheus text, in OpenTelemetry and through the `metrics` facade; the same words in labels, log
fields and JSON keys. How to export them is in the docs of the module `buttress::metrics`; what to do when they look
bad, in [operating.md](operating.md).

The labels `stack`, `layer` and `name` tell whose a sample is. A label with a few words (`state`, `control`, `mode`)
has a sample for each of them, 1 for the one that is so. Where `reason` is a cause (of retries, fallbacks and failures
of a circuit) there are at most eight for an engine, `other` for the rest among them. So the number of series is
bounded by the number of engines, and keys and requests never add any.

Histograms have buckets up to 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250 and 500 ms, 1, 2.5, 5, 10, 30 and 60 s.
Their counts are exact. In OpenTelemetry and through the facade, which know no such histograms, they are the single
instruments `_bucket`, `_count` and `_sum`.

| metric | kind | unit | labels | layers | what it tells |
|---|---|---|---|---|---|
";

fn page(everything: &Everything) -> String {
    let mut layers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut words: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    visit(&everything.snapshot(), |sample| {
        for (label, value) in sample.labels {
            match *label {
                "layer" => drop(layers.entry(sample.descriptor.name).or_default().insert(value)),
                "stack" | "name" | "owner" | "runbook" => {}
                _ => drop(words.entry(sample.descriptor.name).or_default().insert(value)),
            }
        }
    });
    let mut page = HEAD.to_owned();
    for metric in descriptors() {
        let free = ["buttress_retries_total", "buttress_fallbacks_total", "buttress_circuit_failures"];
        let has_words = !free.contains(&metric.name);
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|label| match words.get(metric.name) {
                Some(words) if has_words && metric.labels.last() == Some(label) => {
                    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                    format!("`{label}`: {}", words.join(" "))
                }
                _ => format!("`{label}`"),
            })
            .collect();
        let layers = match layers.get(metric.name) {
            None => String::new(),
            Some(all) if all.len() == 7 => "all".to_owned(),
            Some(some) => some.iter().copied().collect::<Vec<_>>().join(", "),
        };
        let (name, kind, unit, help) = (metric.name, metric.kind, metric.unit, metric.help);
        writeln!(page, "| `{name}` | {kind} | {unit} | {} | {layers} | {help} |", labels.join(", ")).unwrap();
    }
    page
}
