//! `alerts/`, as promtool and the docs see them.

use std::collections::BTreeSet;

use super::{promql, promtool};

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The rest of the lines that begin like this.
fn values<'a>(yaml: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    yaml.lines().filter_map(move |line| line.trim_start_matches([' ', '-']).strip_prefix(key)).map(str::trim)
}

#[test]
fn promtool_reads_the_rules() {
    promtool::run(&["check", "rules", "--lint-fatal", "alerts/buttress.rules.yml"]);
}

#[test]
fn the_rules_pass_their_own_tests() {
    promtool::run(&["test", "rules", "alerts/buttress.test.yml"]);
}

#[test]
fn what_the_rules_use_is_there() {
    let rules = file("alerts/buttress.rules.yml");
    let without_comments: Vec<_> = rules.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let used = promql::check(&without_comments.join("\n"));
    assert!(used.len() > 10, "{used:?}");
    let tests = file("alerts/buttress.test.yml");
    for series in values(&tests, "series:") {
        promql::check(series.trim_matches('\''));
    }
}

#[test]
fn every_alert_is_tested_and_has_a_place_in_the_docs() {
    let [rules, tests, docs] =
        ["alerts/buttress.rules.yml", "alerts/buttress.test.yml", "docs/operating.md"].map(file);
    let alerts: Vec<_> = values(&rules, "alert:").collect();
    let tested: BTreeSet<_> = values(&tests, "alertname:").collect();
    let headings: BTreeSet<_> = docs.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(alerts.len() > 10);
    for alert in &alerts {
        assert!(tested.contains(alert), "{alert} has no test");
        assert!(headings.contains(alert), "{alert} has no section in docs/operating.md");
        let anchor = format!("docs/operating.md#{}", alert.to_lowercase());
        assert!(values(&rules, "operating:").any(|to| to == anchor), "nothing leads to {anchor}");
    }
    for heading in headings.into_iter().filter(|heading| heading.starts_with("Buttress")) {
        assert!(alerts.contains(&heading), "there is no alert {heading}");
    }
    for part in ["severity:", "summary:", "description:", "operating:"] {
        assert_eq!(values(&rules, part).count(), alerts.len(), "{part}");
    }
}
