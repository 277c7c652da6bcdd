//! What can be changed from the page, from the request to the call that meets it.

use std::time::Duration;

use buttress::admin::Admin;
use buttress::{
    BudgetConfig, Bulkhead, CircuitBreaker, CircuitBreakerConfig, CircuitState, Mode, Quota, RateLimiter,
    RetryBudget, Timeout, Verdict,
};
use serde_json::{Value, json};

use super::support::{TOKEN, engine, get, post, serve};

/// A request to this engine, which is in no stack.
fn to(layer: &str, name: &str, fields: &Value) -> Value {
    let mut body = json!({"stack": name, "layer": layer, "name": name, "reason": "INC-42", "by": "ada"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_breaker_is_isolated_bypassed_set_back_and_reset() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("steered");
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let change = async |fields: Value| {
        let answer = post(address, &to("circuit_breaker", "steered", &fields)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        engine(address, "circuit_breaker", "steered").await.unwrap()
    };

    let shown = change(json!({"action": "isolate", "ttl_seconds": 600})).await;
    assert_eq!(breaker.state(), CircuitState::Open);
    assert!(breaker.try_admit().is_err());
    assert_eq!(
        (&shown["detail"]["state"], &shown["detail"]["control"]),
        (&json!("open"), &json!("isolated"))
    );
    assert_eq!(shown["note"], json!({"reason": "INC-42", "by": "ada"}));
    let left = shown["detail"]["control_remaining"].as_f64().unwrap();
    assert!((590.0..=600.0).contains(&left), "{left}");

    let shown = change(json!({"action": "bypass", "ttl_seconds": 0.05})).await;
    assert_eq!(shown["detail"]["control"], "bypassed");
    assert!(breaker.try_admit().is_ok());
    let shown = change(json!({"action": "automatic"})).await;
    assert_eq!((&shown["detail"]["control"], shown.get("note")), (&json!("automatic"), None));

    for _ in 0..100 {
        breaker.try_admit().unwrap().settle(Verdict::failure("timeout"));
    }
    assert_eq!(breaker.state(), CircuitState::Open);
    let shown = change(json!({"action": "reset"})).await;
    assert_eq!((breaker.state(), &shown["detail"]["state"]), (CircuitState::Closed, &json!("closed")));
}

#[tokio::test]
async fn the_mode_of_an_engine_is_changed_and_taken_back() {
    let bulkhead = Bulkhead::new(1).named("moded");
    let _taken = bulkhead.try_admit().unwrap();
    let address = serve(Admin::new().overrides(TOKEN)).await;

    let off = to("bulkhead", "moded", &json!({"action": "mode", "mode": "off", "ttl_seconds": 60}));
    assert_eq!(post(address, &off).await.status, 200);
    assert!(bulkhead.try_admit().is_ok());
    let shown = engine(address, "bulkhead", "moded").await.unwrap();
    let set = &shown["overridden"];
    assert_eq!((&set["mode"], &set["reason"], &set["by"]), (&json!("off"), &json!("INC-42"), &json!("ada")));
    assert!(set["remaining"].as_f64().unwrap() > 50.0, "{set}");
    assert_eq!(shown["mode"], "off");

    let clear = to("bulkhead", "moded", &json!({"action": "clear"}));
    assert_eq!(post(address, &clear).await.status, 200);
    assert_eq!(bulkhead.snapshot().mode, Mode::Enforce);
    assert!(engine(address, "bulkhead", "moded").await.unwrap()["overridden"].is_null());
}

#[tokio::test]
async fn limits_are_changed_and_the_setting_says_so() {
    let bulkhead = Bulkhead::new(64).named("limited");
    let limiter = RateLimiter::new(Quota::per_minute(600).burst(7)).named("limited");
    let timeout = Timeout::new(Duration::from_secs(1)).named("limited");
    let address = serve(Admin::new().overrides(TOKEN)).await;
    for (layer, limit) in [("bulkhead", 32.0), ("rate_limit", 5.0), ("timeout", 0.25)] {
        let answer = post(address, &to(layer, "limited", &json!({"action": "limit", "limit": limit}))).await;
        assert_eq!(answer.status, 200, "{layer}: {answer:?}");
    }
    assert_eq!(bulkhead.snapshot().limit, 32);
    assert_eq!(limiter.quota(), Quota::per_minute(300).burst(7));
    assert_eq!(timeout.limit(), Duration::from_millis(250));
    let shown = engine(address, "timeout", "limited").await.unwrap();
    let expected = json!({"name": "limit", "value": 0.25, "text": "250ms", "source": "override"});
    assert_eq!(shown["settings"][0], expected);
}

#[tokio::test]
async fn a_slow_rate_is_set_and_put_back_and_its_burst_stays() {
    let limiter = RateLimiter::new(Quota::per_hour(10).burst(3)).named("slow");
    let address = serve(Admin::new().overrides(TOKEN)).await;
    for (fields, quota) in [
        (json!({"limit": 0.5}), Quota::per_hour(1_800).burst(3)),
        (json!({"limit": 7.5, "burst": 40}), Quota::per_hour(27_000).burst(40)),
        (json!({"limit": 10.0 / 3_600.0, "burst": 3}), Quota::per_hour(10).burst(3)),
    ] {
        let mut body = to("rate_limit", "slow", &fields);
        body["action"] = "limit".into();
        let answer = post(address, &body).await;
        assert_eq!((answer.status, limiter.quota()), (200, quota), "{answer:?}");
    }
    let bulkhead = Bulkhead::new(8).named("slow");
    let answer =
        post(address, &to("bulkhead", "slow", &json!({"action": "limit", "limit": 9, "burst": 2}))).await;
    assert_eq!((answer.status, bulkhead.snapshot().limit), (422, 8));
    assert_eq!(answer.json()["field"], "burst");
}

#[tokio::test]
async fn a_budget_says_that_its_mode_is_that_of_the_retry() {
    let budget = RetryBudget::new(BudgetConfig::default()).named("modeless");
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let off = to("retry_budget", "modeless", &json!({"action": "mode", "mode": "off", "ttl_seconds": 60}));
    let answer = post(address, &off).await;
    assert_eq!(answer.status, 422);
    let error = answer.json();
    assert_eq!((&error["field"], &error["value"]), (&json!("layer"), &json!("retry_budget")));
    assert_eq!(error["rule"], "a budget has no mode of its own: switch layer retry");
    assert!(engine(address, "retry_budget", "modeless").await.unwrap()["overridden"].is_null());
    drop(budget);
}

#[tokio::test]
async fn who_takes_back_says_why_and_is_told_if_there_was_nothing() {
    let _bulkhead = Bulkhead::new(1).named("taken back");
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let mut clear = to("bulkhead", "taken back", &json!({"action": "clear"}));
    clear["reason"] = "INC-42 is over".into();
    assert_eq!(post(address, &clear).await.json(), json!({"done": "nothing was set"}));
    let off = to("bulkhead", "taken back", &json!({"action": "mode", "mode": "off", "ttl_seconds": 60}));
    post(address, &off).await;
    assert_eq!(post(address, &clear).await.json(), json!({"done": "override taken back"}));
    let snapshot = get(address, "/buttress/snapshot").await.json();
    let mut events = snapshot["events"].as_array().unwrap().iter().rev();
    let last = events.find(|event| event["name"] == "taken back").unwrap();
    assert_eq!(last["message"], "mode off taken back by ada: INC-42 is over");
}

#[tokio::test]
async fn a_note_is_not_told_of_what_somebody_else_did() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("noted");
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let isolate = to("circuit_breaker", "noted", &json!({"action": "isolate", "ttl_seconds": 600}));
    assert_eq!(post(address, &isolate).await.status, 200);
    assert_eq!(engine(address, "circuit_breaker", "noted").await.unwrap()["note"]["by"], "ada");
    breaker.bypass();
    assert_eq!(engine(address, "circuit_breaker", "noted").await.unwrap().get("note"), None);
}

#[tokio::test]
async fn whoever_changes_something_is_on_the_record() {
    let _breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("on the record");
    let _timeout = Timeout::new(Duration::from_secs(1)).named("on the record");
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let ttl = 60;
    for (layer, fields) in [
        ("circuit_breaker", json!({"action": "isolate", "ttl_seconds": ttl})),
        ("circuit_breaker", json!({"action": "bypass", "ttl_seconds": ttl})),
        ("circuit_breaker", json!({"action": "automatic"})),
        ("circuit_breaker", json!({"action": "reset"})),
        ("circuit_breaker", json!({"action": "mode", "mode": "dry_run", "ttl_seconds": ttl})),
        ("timeout", json!({"action": "limit", "limit": 2})),
    ] {
        let mut body = to(layer, "on the record", &fields);
        body["reason"] = format!("reason for {}", fields["action"].as_str().unwrap()).into();
        assert_eq!(post(address, &body).await.status, 200);
    }
    let snapshot = get(address, "/buttress/snapshot").await.json();
    let events =
        snapshot["events"].as_array().unwrap().iter().filter(|event| event["name"] == "on the record");
    let told: Vec<_> = events.filter(|event| event["kind"] == "override").collect();
    let words = ["isolate", "bypass", "automatic", "reset", "mode", "limit"];
    assert_eq!(told.len(), words.len(), "{told:?}");
    for (event, word) in told.iter().zip(words) {
        let message = event["message"].as_str().unwrap();
        assert!(message.contains("ada") && message.contains(&format!("reason for {word}")), "{message}");
    }
}
