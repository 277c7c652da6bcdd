use buttress::registry::EngineDetail;
use buttress::{Bulkhead, CircuitBreaker, CircuitBreakerConfig, Verdict};
use tokio::time::advance;

use super::*;

#[test]
fn transitions_that_people_should_see_are_in_the_journal() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("journal");
    for _ in 0..100 {
        breaker.try_admit().unwrap().settle(Verdict::failure("503"));
    }
    (0..100_000).for_each(|_| drop(breaker.try_admit()));
    breaker.reset();
    let told: Vec<_> = events("journal").into_iter().map(|event| (event.kind, event.message)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], ("circuit", "circuit breaker opened: 100 of 100 failed: 503 100".to_owned()));
    assert!(told[1].1.ends_with("opened 1 times, rejected 100000 calls"), "{}", told[1].1);
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn the_snapshot_is_json_with_the_words_of_logs_and_labels() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("breaker").in_stack("json");
    let _others = one_of_each("json");
    breaker.try_admit().unwrap().settle(Verdict::failure("503"));
    breaker.isolate();
    advance(SECOND).await;
    let engines = shown("json");
    let json = serde_json::to_value(&engines[0]).unwrap();
    assert_eq!(
        (&json["stack"], &json["layer"], &json["name"]),
        (&"json".into(), &"circuit_breaker".into(), &"breaker".into())
    );
    assert_eq!((&json["mode"], &json["saturation"]), (&"enforce".into(), &serde_json::Value::Null));
    let detail = &json["detail"];
    assert_eq!((&detail["state"], &detail["control"]), (&"open".into(), &"isolated".into()));
    assert_eq!((&detail["in_state_for"], &detail["causes"]["503"]), (&1.0.into(), &1.into()));
    for engine in &engines {
        let json = serde_json::to_value(engine).unwrap();
        assert_eq!(json["layer"], engine.identity.layer);
        assert!(json["detail"].is_object());
    }
}

#[test]
fn all_of_a_snapshot_is_of_one_mode() {
    let bulkhead = Bulkhead::new(1).named("switched while looked at");
    let engine = Engine::from(bulkhead.clone());
    std::thread::scope(|scope| {
        let switches = scope.spawn(|| (0..100_000).for_each(|turn| bulkhead.set_dry_run(turn % 2 == 0)));
        while !switches.is_finished() {
            let shown = engine.snapshot();
            let EngineDetail::Bulkhead(detail) = &shown.detail else { panic!("{shown:?}") };
            assert_eq!(shown.mode, detail.mode);
        }
    });
}

#[test]
fn a_snapshot_of_any_kind_is_that_of_the_engine() {
    let engines = one_of_each("of-any-kind");
    for (engine, shown) in engines.iter().zip(engines.iter().map(|engine| engine.snapshot())) {
        assert_eq!(engine.identity(), shown.identity);
        let kind = match shown.detail {
            EngineDetail::CircuitBreaker(_) => "circuit_breaker",
            EngineDetail::Bulkhead(_) => "bulkhead",
            EngineDetail::RateLimit(_) | EngineDetail::KeyedRateLimit(_) => "rate_limit",
            EngineDetail::Retry(_) => "retry",
            EngineDetail::RetryBudget(_) => "retry_budget",
            EngineDetail::Timeout(_) => "timeout",
            EngineDetail::Fallback(_) => "fallback",
            _ => "?",
        };
        assert_eq!(kind, shown.identity.layer);
    }
}
