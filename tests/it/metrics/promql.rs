//! Reads PromQL, roughly: which metrics and labels it uses.

use std::collections::BTreeSet;

use buttress::metrics::{Kind, descriptors};

/// Labels that Prometheus adds, or queries make.
const OTHERS: [&str; 4] = ["job", "instance", "le", "value"];

/// Fails if the query uses a metric or a label that there is not. Returns the metrics.
pub fn check(query: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut rest = query;
    while let Some(start) = rest.find("buttress_") {
        let from = &rest[start..];
        let end = from.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        let known = labels_of(name).unwrap_or_else(|| panic!("there is no {name}: {query}"));
        if let Some(matchers) = after.strip_prefix('{') {
            for label in labels_matched(matchers) {
                assert!(known.contains(&label) || OTHERS.contains(&label), "{name} has no {label}: {query}");
            }
        }
        used.insert(name.to_owned());
        rest = after;
    }
    for label in labels_listed(query) {
        let known = descriptors().iter().any(|metric| metric.labels.contains(&label));
        assert!(known || OTHERS.contains(&label), "there is no label {label}: {query}");
    }
    used
}

fn labels_of(sample: &str) -> Option<&'static [&'static str]> {
    let is_it = |name: &str, kind| match sample.strip_prefix(name) {
        Some("") => kind != Kind::Histogram,
        Some("_bucket" | "_count" | "_sum") => kind == Kind::Histogram,
        _ => false,
    };
    descriptors().iter().find(|metric| is_it(metric.name, metric.kind)).map(|metric| metric.labels)
}

/// `stack="a",layer=~"b|c"} ..`
fn labels_matched(mut rest: &str) -> Vec<&str> {
    let mut labels = Vec::new();
    loop {
        let (label, value) = rest.split_at(rest.find(['=', '!']).unwrap());
        labels.push(label.trim());
        let quoted = value.split_once('"').unwrap().1;
        let (_, after) = quoted.split_once('"').unwrap();
        match after.split_at(1) {
            (",", more) => rest = more,
            _ => return labels,
        }
    }
}

/// `by (a, b)` and what looks like it.
fn labels_listed(query: &str) -> Vec<&str> {
    let mut labels = Vec::new();
    for word in ["by (", "on (", "ignoring (", "group_left ("] {
        for listed in query.split(word).skip(1) {
            labels.extend(listed.split(')').next().unwrap().split(',').map(str::trim));
        }
    }
    labels
}

#[test]
#[should_panic(expected = "there is no buttress_call_total")]
fn a_metric_that_there_is_not_is_found() {
    check("sum(rate(buttress_call_total[5m]))");
}

#[test]
#[should_panic(expected = "buttress_calls_total has no reason")]
fn a_label_that_a_metric_has_not_is_found() {
    check(r#"sum by (name) (buttress_calls_total{stack=~"a,b|c", reason!="x"})"#);
}
