mod alerts;
mod backends;
mod dashboard;
mod docs;
mod fixture;
mod golden;
mod live;
mod promql;
mod promtool;
mod samples;

use buttress::metrics::{Kind, TextFormat, Unit, Value, descriptors, text, visit};
use buttress::registry::Registry;
use buttress::{CircuitBreaker, KeyedRateLimiter, Quota, Retry, RetryPolicy, Verdict};

use fixture::{Everything, snapshot_of};
use samples::{parsed, visited};

#[test]
fn names_follow_the_rules_of_prometheus() {
    let mut names: Vec<_> = descriptors().iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), descriptors().len());
    for metric in descriptors() {
        let name = metric.name;
        assert!(name.starts_with("buttress_"), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        assert_eq!(name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{name}");
        assert!(metric.help.ends_with('.') && !metric.help.contains(['\n', '\\', '"']), "{name}");
        assert!(
            metric.labels.is_empty() || metric.labels[0] == "stack" || metric.labels == ["mode"],
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_metric_has_samples_with_its_labels() {
    let everything = Everything::new("every-metric").await;
    let mut without: Vec<_> = descriptors().iter().map(|metric| metric.name).collect();
    visit(&everything.snapshot(), |sample| {
        without.retain(|name| *name != sample.descriptor.name);
        let labels: Vec<_> = sample.labels.iter().map(|(label, _)| *label).collect();
        assert_eq!(labels, sample.descriptor.labels, "{}", sample.descriptor.name);
        let fits = match sample.descriptor.kind {
            Kind::Counter => matches!(sample.value, Value::Count(_)),
            Kind::Histogram => matches!(sample.value, Value::Histogram(_)),
            _ => !matches!(sample.value, Value::Histogram(_)),
        };
        assert!(fits, "{sample:?}");
    });
    assert_eq!(without, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn no_sample_comes_twice_and_metrics_come_in_one_piece() {
    let everything = Everything::new("one-piece").await;
    let mut seen = Vec::new();
    let mut keys = std::collections::HashSet::new();
    visit(&everything.snapshot(), |sample| {
        if seen.last() != Some(&sample.descriptor.name) {
            assert!(
                !seen.contains(&sample.descriptor.name),
                "{} comes in two pieces",
                sample.descriptor.name
            );
            seen.push(sample.descriptor.name);
        }
        assert!(keys.insert((sample.descriptor.name, sample.labels.to_vec())), "twice: {sample:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn what_is_one_of_several_has_all_of_them_and_exactly_one_is_so() {
    let everything = Everything::new("one-of").await;
    let samples = visited(&everything.snapshot());
    let words = |metric: &str, layer: &str, name: &str| -> Vec<(String, f64)> {
        let has = |labels: &[(String, String)], label: &str, value: &str| {
            labels.contains(&(label.to_owned(), value.to_owned()))
        };
        let of_it = samples.iter().filter(|((sample, labels), _)| {
            sample == metric && has(labels, "layer", layer) && has(labels, "name", name)
        });
        let word = |labels: &[(String, String)]| {
            let is_word = |label: &str| !["stack", "layer", "name"].contains(&label);
            labels.iter().find(|(label, _)| is_word(label)).unwrap().1.clone()
        };
        of_it.map(|((_, labels), value)| (word(labels), *value)).collect()
    };
    let so = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
        let mut all: Vec<_> = pairs.iter().map(|(word, value)| ((*word).to_owned(), *value)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    assert_eq!(
        words("buttress_circuit_state", "circuit_breaker", "one-of"),
        so(&[("closed", 0.0), ("open", 1.0), ("half_open", 0.0)])
    );
    assert_eq!(
        words("buttress_circuit_open_reason", "circuit_breaker", "one-of"),
        so(&[
            ("failure_rate", 1.0),
            ("outage", 0.0),
            ("slow_calls", 0.0),
            ("trials_failed", 0.0),
            ("isolated", 0.0)
        ])
    );
    assert_eq!(
        words("buttress_circuit_control", "circuit_breaker", "one-of/held"),
        so(&[("automatic", 0.0), ("isolated", 1.0), ("bypassed", 0.0)])
    );
    assert_eq!(
        words("buttress_mode", "bulkhead", "one-of"),
        so(&[("enforce", 0.0), ("dry_run", 1.0), ("off", 0.0)])
    );
    // Nothing is open here.
    let closed = words("buttress_circuit_open_reason", "circuit_breaker", "one-of/closed");
    assert!(closed.len() == 5 && closed.iter().all(|(_, value)| *value == 0.0), "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_tells_why_since_when_and_until_when() {
    let everything = Everything::new("why").await;
    let samples = visited(&everything.snapshot());
    let of = |metric: &str, name: &str| samples.get(metric, &[("layer", "circuit_breaker"), ("name", name)]);
    assert_eq!(of("buttress_circuit_failure_rate", "why"), 1.0);
    assert_eq!(of("buttress_circuit_failure_rate_threshold", "why"), 0.5);
    let failures = |cause| {
        let labels = [("name", "why"), ("layer", "circuit_breaker"), ("reason", cause)];
        samples.get("buttress_circuit_failures", &labels)
    };
    assert_eq!((failures("timeout"), failures("503"), failures("other")), (60.0, 40.0, 0.0));
    let until = of("buttress_circuit_retry_after_seconds", "why");
    assert!((0.0..=2.5).contains(&until), "{until}");
    assert_eq!(of("buttress_circuit_retry_after_seconds", "why/held"), f64::INFINITY);
    assert_eq!(of("buttress_circuit_retry_after_seconds", "why/closed"), 0.0);
    // The fixture waited.
    assert!(of("buttress_circuit_state_seconds", "why/held") >= 1.0);
}

/// Whatever keys and causes there are, there is no series more.
#[test]
fn how_many_series_there_are_does_not_depend_on_traffic() {
    let keyed = KeyedRateLimiter::new(Quota::per_second(1)).named("bounded").in_stack("bounded");
    let breaker = CircuitBreaker::new(Default::default()).named("bounded").in_stack("bounded");
    let retry = Retry::new(RetryPolicy::default()).named("bounded").in_stack("bounded");
    let count = || visited(&snapshot_of("bounded")).len();
    let causes: Vec<&'static str> = (0..100).map(|number| &*format!("cause {number}").leak()).collect();
    let traffic = |upto: usize| {
        for number in 0..10 * upto {
            let _ = keyed.try_admit(&number);
        }
        for cause in &causes[..upto] {
            if let Ok(permit) = breaker.try_admit() {
                permit.settle(Verdict::failure(cause));
            }
            breaker.reset();
        }
    };
    traffic(50);
    let before = count();
    traffic(100);
    assert_eq!(count(), before);
    drop(retry);
}

/// Names come from configuration, and configuration from people.
#[tokio::test(start_paused = true)]
async fn hostile_names_come_through_as_they_are() {
    let name = "a\"b\\c\nd\r\te{f=\"g\"} 1 # é 雪 🏰\\n";
    let everything = Everything::new(name).await;
    let snapshot = everything.snapshot();
    let told = visited(&snapshot);
    for format in [TextFormat::OpenMetrics, TextFormat::Prometheus] {
        let text = text(&snapshot, format);
        parsed(&text).assert_are(&told);
        assert!(!text.contains("\nd"), "a line was broken");
    }
    promtool::check_metrics(&text(&snapshot, TextFormat::Prometheus));
}

#[tokio::test(start_paused = true)]
async fn promtool_finds_nothing_to_criticise() {
    let everything = Everything::new("promtool").await;
    promtool::check_metrics(&text(&everything.snapshot(), TextFormat::Prometheus));
    // And with all that other tests have made.
    promtool::check_metrics(&text(&Registry::global().snapshot(), TextFormat::Prometheus));
}

#[test]
fn a_process_without_engines_can_be_scraped_too() {
    let nothing = text(&snapshot_of("nobody"), TextFormat::OpenMetrics);
    assert!(nothing.contains("\nbuttress_engines 0\n"), "{nothing}");
    assert!(nothing.contains("\nbuttress_process_mode{mode=\"enforce\"} 1\n"), "{nothing}");
    assert!(nothing.ends_with("# EOF\n"));
}

#[test]
fn the_format_is_what_the_scraper_asks_for() {
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    assert_eq!(TextFormat::accepted(prometheus), TextFormat::OpenMetrics);
    for other in ["", "*/*", "text/html,application/xhtml+xml", "text/plain;version=0.0.4"] {
        assert_eq!(TextFormat::accepted(other), TextFormat::Prometheus, "{other}");
    }
}

/// A sum over all causes must not be missing as long as nothing was repeated.
#[test]
fn counts_by_cause_are_there_before_the_first_cause() {
    let _retry = Retry::new(RetryPolicy::default()).named("calm").in_stack("calm");
    let samples = visited(&snapshot_of("calm"));
    assert_eq!(samples.get("buttress_retries_total", &[("layer", "retry"), ("reason", "other")]), 0.0);
}
