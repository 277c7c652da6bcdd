use std::path::Path;

use buttress::explain::{Foreign, explain};
use buttress::registry::{Engine, Override, Registry};
use buttress::{
    FallbackLayer, Mode, Quota, RateLimitLayer, RetryBudget, RetryLayer, RetryPolicy, client_stack,
    server_stack,
};

use super::*;

/// Compares with the file of that name. `GOLDEN=overwrite` writes it instead, to be looked at in the diff.
fn is_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/explain/golden").join(name);
    if std::env::var_os("GOLDEN").is_some_and(|what| what == "overwrite") {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} would be\n{text}\nGOLDEN=overwrite writes it");
}

#[test]
fn a_client_stack_with_everything_is_readable() {
    let pool = RetryBudget::new(budget(0.2)).named("pool");
    let _other =
        client_stack("t-refunds").retry(RetryLayer::new(RetryPolicy::default()).budget(pool.clone()));
    let policy = RetryPolicy::default().max_attempts(4).seed(7);
    let stack = client_stack("t-payments")
        .owner("team-payments")
        .runbook("https://wiki/payments")
        .fallback(FallbackLayer::value(1_u64))
        .retry(RetryLayer::new(policy).budget(pool))
        .bulkhead(bulkhead("pool of connections").queue(16, MS * 250))
        .rate_limit(RateLimitLayer::new(Quota::per_second(500)))
        .attempt_timeout(timeout("t-quick", MS * 500));
    stack.bulkhead.bulkhead().set_limit(32).unwrap();
    let total = Engine::Timeout(stack.total_timeout.timeout());
    total.change("INC-42", "ada", |_| stack.total_timeout.timeout().set_limit(SECOND * 2)).unwrap();
    total.set_override(Override::new(Mode::DryRun).reason("INC-42").by("ada"));
    is_golden("client.txt", &stack.explain().to_string());
}

#[test]
fn a_stack_of_ones_own_is_readable() {
    let search = (breaker("t-search"), bulkhead("t-search"), retry("t-search"), timeout("t-search", SECOND));
    let trace = Foreign::new("trace", tower::layer::util::Identity::new());
    let text = explain("t-search", &[&trace, &search]).to_string();
    is_golden("by_hand.txt", &text);
    assert!(text.lines().filter(|line| !line.contains("warning")).all(|line| line.chars().count() <= 110));
}

#[test]
fn a_server_stack_is_readable() {
    is_golden("server.txt", &server_stack("t-shop").explain().to_string());
}

#[test]
fn the_docs_show_what_is_printed() {
    let docs = include_str!("../../../src/explain/mod.rs");
    let shown = docs.split("```text").nth(1).unwrap().split("```").next().unwrap();
    let shown: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let shown: Vec<_> = shown.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let printed = client_stack("payments").owner("team-payments").explain().to_string();
    assert_eq!(shown, printed.lines().chain([""]).collect::<Vec<_>>(), "{printed}");
}

#[test]
fn an_empty_stack_is_readable_too() {
    let explained = explain("t-nothing", &[]);
    assert!(explained.to_string().starts_with("stack t-nothing, fingerprint "), "{explained}");
    assert!(explained.layers().is_empty());
}

#[cfg(feature = "serde")]
#[test]
fn an_explanation_can_be_written_as_json() {
    let stack = client_stack("t-json").owner("team-json").without_attempt_timeout();
    stack.bulkhead.bulkhead().set_limit(32).unwrap();
    let mut json = serde_json::to_string_pretty(&stack.explain()).unwrap();
    json.push('\n');
    is_golden("client.json", &json);
}

#[test]
fn the_fingerprint_of_a_stack_stands_for_all_settings_and_their_order() {
    let of = |name: &'static str| client_stack(name).explain().fingerprint();
    assert_eq!(of("t-a"), of("t-b"));
    let stack = client_stack("t-c");
    stack.retry.retry().budget().unwrap().set_config(budget(0.3)).unwrap();
    assert_ne!(stack.explain().fingerprint(), of("t-a"));
    let (first, second) = (timeout("t-d", SECOND), timeout("t-d", SECOND * 2));
    let order = |parts: &[&dyn buttress::explain::Part]| explain("t-d", parts).fingerprint();
    assert_ne!(order(&[&first, &second]), order(&[&second, &first]));
}

#[test]
fn explaining_makes_no_engine() {
    let stack = client_stack("t-same");
    let count = || {
        let snapshot = Registry::global().snapshot();
        snapshot.engines.iter().filter(|engine| engine.identity.stack == *"t-same").count()
    };
    let before = count();
    let explained = stack.explain();
    assert_eq!((count(), explained), (before, stack.explain()));
}
