//! What the registry sees of them, and how it switches them.

use buttress::explain::explain;
use buttress::registry::{Engine, EngineDetail, Override, Registry, SettingSource};
use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, KeyedBulkhead, KeyedCircuitBreaker, Mode,
    Verdict,
};

use super::SECOND;
use crate::support::registered::shown;

#[test]
fn each_is_one_engine_whatever_the_keys() {
    let breaker = KeyedCircuitBreaker::new(CircuitBreakerConfig::default()).in_stack("keyed engines");
    let bulkhead = KeyedBulkhead::new(1).in_stack("keyed engines");
    for key in 0..100 {
        breaker.try_admit(&key).unwrap().settle(Verdict::success());
        bulkhead.try_admit(&key).unwrap().complete();
    }
    let shown = shown("keyed engines");
    assert_eq!(
        shown.iter().map(|engine| engine.identity.layer).collect::<Vec<_>>(),
        ["circuit_breaker", "bulkhead"]
    );
    assert!(matches!(&shown[0].detail, EngineDetail::KeyedCircuitBreaker(now) if now.keys == 100));
    assert!(matches!(&shown[1].detail, EngineDetail::KeyedBulkhead(now) if now.keys == 100));
    let name = bulkhead.name();
    let found = Registry::global().find("keyed engines", "bulkhead", name.as_str());
    assert!(matches!(found, Some(Engine::KeyedBulkhead(_))), "{found:?}");

    let mut series = 0;
    buttress::metrics::visit(&Registry::global().snapshot(), |sample| {
        series += usize::from(sample.labels.contains(&("stack", "keyed engines")));
    });
    assert!(series < 100, "{series}");
}

#[test]
fn modes_and_overrides_reach_all_keys() {
    let breaker = KeyedCircuitBreaker::new(CircuitBreakerConfig::default()).in_stack("keyed modes");
    let bulkhead = KeyedBulkhead::new(1).in_stack("keyed modes");
    let _held = ["ada", "grace"].map(|key| {
        breaker.get_or_make(key).unwrap().isolate();
        bulkhead.try_admit(key).unwrap()
    });
    for engine in [Engine::from(breaker.clone()), Engine::from(bulkhead.clone())] {
        for mode in [Mode::DryRun, Mode::Off] {
            engine.set_override(Override::new(mode).reason("a test"));
            for key in ["ada", "grace"] {
                let passes = match &engine {
                    Engine::KeyedCircuitBreaker(breaker) => breaker.try_admit(key).is_ok(),
                    _ => bulkhead.try_admit(key).is_ok(),
                };
                assert!(passes, "{mode} {key}");
            }
        }
        engine.clear_override("a test");
    }
    assert!(breaker.try_admit("ada").is_err() && bulkhead.try_admit("ada").is_err());
    assert_eq!((breaker.snapshot().would_reject, bulkhead.snapshot().would_reject), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn who_waits_passes_when_it_is_switched_off() {
    let bulkhead = KeyedBulkhead::new(1).in_stack("keyed waits");
    bulkhead.set_queue(1, 100 * SECOND).unwrap();
    let _held = bulkhead.try_admit("ada").unwrap();
    let other = bulkhead.clone();
    let waiting = tokio::spawn(async move { other.acquire("ada").await });
    tokio::task::yield_now().await;
    Engine::from(bulkhead).set_override(Override::new(Mode::Off));
    assert!(tokio::time::timeout(SECOND, waiting).await.unwrap().unwrap().is_ok());
}

#[test]
fn settings_tell_who_set_them() {
    let layer =
        CircuitBreakerLayer::per_key(CircuitBreakerConfig::default(), |id: &u64| Some(*id)).max_keys(7);
    let engine = Engine::from(layer.breaker());
    let setting = |name: &str| *engine.settings().iter().find(|setting| setting.name == name).unwrap();
    assert_eq!(
        (setting("max_keys").to_string().as_str(), setting("max_keys").source),
        ("max_keys 7", SettingSource::Code)
    );
    let before = engine.fingerprint();
    layer.breaker().set_config(CircuitBreakerConfig::default().min_calls(5)).unwrap();
    assert_eq!(setting("min_calls").source, SettingSource::RunTime);
    assert_ne!(engine.fingerprint(), before);

    let layer = BulkheadLayer::per_key(3, |id: &u64| Some(*id)).queue(2, SECOND);
    let names: Vec<_> =
        Engine::from(layer.bulkhead()).settings().iter().map(|setting| setting.name).collect();
    assert_eq!(names, ["max_concurrent", "queue", "max_wait", "max_keys", "overflow", "dry_run"]);
    let fork = layer.fork("other");
    assert_eq!(fork.bulkhead().snapshot().max_wait, SECOND);
    let explained = explain("keyed parts", &[&layer, &fork]);
    assert_eq!(explained.layers()[0].does, Some("waits"));
}
