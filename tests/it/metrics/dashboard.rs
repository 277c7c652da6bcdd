//! `dashboards/buttress.json`, as far as it can be told without Grafana.

use std::collections::{BTreeSet, HashSet};

use buttress::metrics::descriptors;
use serde_json::Value as Json;

use super::promql;

pub fn dashboard() -> Json {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/dashboards/buttress.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn panels(dashboard: &Json) -> impl Iterator<Item = &Json> {
    dashboard["panels"].as_array().unwrap().iter()
}

fn text<'a>(of: &'a Json, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_else(|| panic!("no {key}: {of}"))
}

/// All queries of the panels, with the panel that they are of.
pub fn queries(dashboard: &Json) -> Vec<(&str, &str)> {
    let targets = panels(dashboard).filter(|panel| text(panel, "type") != "row").flat_map(|panel| {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{} shows nothing", text(panel, "title"));
        targets.iter().map(move |target| (text(panel, "title"), text(target, "expr")))
    });
    targets.collect()
}

#[test]
fn it_is_a_dashboard() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 39);
    assert_eq!((text(&dashboard, "uid"), text(&dashboard, "title")), ("buttress", "Buttress"));
    assert!(dashboard["id"].is_null(), "an id is given by the Grafana that it is imported to");
    let known =
        ["row", "stat", "table", "bargauge", "state-timeline", "timeseries", "heatmap"].map(str::to_owned);
    for panel in panels(&dashboard) {
        assert!(known.contains(&text(panel, "type").to_owned()), "{panel}");
        assert!(!text(panel, "title").is_empty());
        if text(panel, "type") == "row" {
            continue;
        }
        assert!(text(panel, "description").ends_with('.'), "{}", text(panel, "title"));
        let mut refs = HashSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(
                refs.insert(text(target, "refId")),
                "two queries with one letter in {}",
                text(panel, "title")
            );
            assert_eq!(text(&target["datasource"], "uid"), "${datasource}");
        }
    }
}

#[test]
fn no_two_panels_are_in_the_same_place() {
    let dashboard = dashboard();
    let mut ids = HashSet::new();
    let mut taken = HashSet::new();
    for panel in panels(&dashboard) {
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "two panels with one id: {}",
            text(panel, "title")
        );
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{}", text(panel, "title"));
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{} covers another one", text(panel, "title"));
        }
    }
}

#[test]
fn its_variables_are_there() {
    let dashboard = dashboard();
    let variables: BTreeSet<_> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| text(variable, "name"))
        .collect();
    assert_eq!(variables, ["datasource", "job", "stack"].into());
    // Those that Grafana has.
    let given = ["__rate_interval", "__all", "__value"];
    for used in dashboard.to_string().split('$').skip(1) {
        let used = used.trim_start_matches('{');
        let end = used.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap();
        // The end of a regular expression.
        if end == 0 {
            continue;
        }
        assert!(variables.contains(&used[..end]) || given.contains(&&used[..end]), "${}", &used[..end]);
    }
    for (title, query) in queries(&dashboard) {
        assert!(query.contains("job=~\"$job\""), "{title} mixes up jobs: {query}");
    }
}

#[test]
fn what_it_shows_is_there_and_what_is_there_it_shows() {
    let dashboard = dashboard();
    let mut used = BTreeSet::new();
    for (_, query) in queries(&dashboard) {
        used.append(&mut promql::check(query));
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        promql::check(variable["definition"].as_str().unwrap_or_default());
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        promql::check(annotation["expr"].as_str().unwrap_or_default());
    }
    // Totals that others are parts of, and what only alerts are interested in.
    let not_shown = [
        "buttress_engines",
        "buttress_duplicate_engines",
        "buttress_unlisted_engines",
        "buttress_override",
        "buttress_admitted_total",
        "buttress_late_total",
        "buttress_panicked_total",
        "buttress_burst",
        "buttress_keys_unlimited_total",
        "buttress_budget_withdrawn_total",
        "buttress_budget_returned_total",
        "buttress_circuit_open_reason",
        "buttress_circuit_opened_total",
        "buttress_circuit_episodes_total",
        "buttress_circuit_trials_restarted_total",
        "buttress_circuit_recorded",
    ];
    for metric in descriptors() {
        let is_shown = used.iter().any(|used| used.starts_with(metric.name));
        assert!(is_shown || not_shown.contains(&metric.name), "nothing shows {}", metric.name);
    }
}
