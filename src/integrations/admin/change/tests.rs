use serde_json::json;

use super::*;

fn parse(body: Value) -> Result<Change, Refusal> {
    Change::parse(body.to_string().as_bytes())
}

/// A good request with some fields changed; null takes one out.
fn with(changes: Value) -> Value {
    let mut body = json!({
        "action": "isolate", "stack": "payments", "layer": "circuit_breaker", "name": "payments",
        "ttl_seconds": 600, "reason": "INC-42", "by": "ada",
    });
    let (Value::Object(body_fields), Value::Object(changes)) = (&mut body, changes) else {
        panic!("objects")
    };
    for (field, value) in changes {
        if value.is_null() {
            body_fields.remove(&field)
        } else {
            body_fields.insert(field, value)
        };
    }
    body
}

#[test]
fn a_request_is_understood() {
    let target =
        Target::Engine { stack: "payments".into(), layer: "circuit_breaker".into(), name: "payments".into() };
    let action = Action::Isolate(Duration::from_secs(600));
    let change = Change { target, action, reason: "INC-42".into(), by: "ada".into() };
    assert_eq!(parse(with(json!({}))).unwrap(), change);
}

#[test]
fn every_action_is_understood() {
    let minute = Duration::from_secs(60);
    for (body, action) in [
        (json!({"action": "bypass", "ttl_seconds": 60}), Action::Bypass(minute)),
        (json!({"action": "automatic", "ttl_seconds": null}), Action::Automatic),
        (json!({"action": "reset", "ttl_seconds": null}), Action::Reset),
        (json!({"action": "mode", "mode": "dry_run", "ttl_seconds": 60}), Action::Mode(Mode::DryRun, minute)),
        (json!({"action": "clear", "ttl_seconds": null}), Action::Clear),
        (json!({"action": "limit", "limit": 0.5, "ttl_seconds": null}), Action::Limit(0.5, None)),
    ] {
        assert_eq!(parse(with(body)).unwrap().action, action);
    }
    let burst = with(json!({"action": "limit", "limit": 5, "burst": 9, "ttl_seconds": null}));
    assert_eq!(parse(burst).unwrap().action, Action::Limit(5.0, Some(9)));
    let process = json!({"action": "mode", "mode": "off", "stack": null, "layer": null, "name": null});
    assert_eq!(parse(with(process)).unwrap().target, Target::Process);
}

#[test]
fn a_bad_field_is_named() {
    for (field, changes) in [
        ("action", json!({"action": "explode"})),
        ("action", json!({"action": 7})),
        ("action", json!({"action": null})),
        ("ttl_seconds", json!({"ttl_seconds": 0})),
        ("ttl_seconds", json!({"ttl_seconds": -1})),
        ("ttl_seconds", json!({"ttl_seconds": 604_801})),
        ("ttl_seconds", json!({"ttl_seconds": 1e300})),
        ("ttl_seconds", json!({"ttl_seconds": "600"})),
        ("ttl_seconds", json!({"ttl_seconds": null})),
        ("ttl_seconds", json!({"action": "reset"})),
        ("mode", json!({"action": "mode", "mode": "of"})),
        ("mode", json!({"action": "mode"})),
        ("mode", json!({"mode": "off"})),
        ("limit", json!({"action": "limit", "ttl_seconds": null})),
        ("limit", json!({"action": "limit", "limit": 0, "ttl_seconds": null})),
        ("limit", json!({"action": "limit", "limit": -3, "ttl_seconds": null})),
        ("burst", json!({"action": "limit", "limit": 5, "burst": 0, "ttl_seconds": null})),
        ("burst", json!({"action": "limit", "limit": 5, "burst": 1.5, "ttl_seconds": null})),
        ("burst", json!({"action": "limit", "limit": 5, "burst": 4_294_967_296_u64, "ttl_seconds": null})),
        ("burst", json!({"burst": 5})),
        ("reason", json!({"reason": null})),
        ("reason", json!({"reason": "\u{202e}\u{2028}"})),
        ("reason", json!({"reason": "  "})),
        ("reason", json!({"reason": "a\nWARN all is lost"})),
        ("reason", json!({"reason": "x".repeat(201)})),
        ("by", json!({"by": "x".repeat(101)})),
        ("by", json!({"by": ["ada"]})),
        ("stack", json!({"stack": null})),
        ("name", json!({"name": 7})),
        ("layer", json!({"layer": null})),
        ("stack", json!({"stack": null, "layer": null, "name": null})),
        ("surprise", json!({"surprise": 1})),
        ("__proto__", json!({"__proto__": {"a": 1}})),
    ] {
        let refusal = parse(with(changes.clone())).unwrap_err();
        assert_eq!(refusal.json()["field"], field, "{changes}");
        assert_eq!(refusal.status(), StatusCode::UNPROCESSABLE_ENTITY, "{changes}");
    }
}

#[test]
fn a_reason_is_kept_whole_and_turns_no_text_around() {
    let longest = "ü".repeat(200);
    assert_eq!(parse(with(json!({"reason": longest}))).unwrap().reason, longest);
    let change = parse(with(json!({"reason": "a\u{202e}b\u{2028}c\u{2067}d", "by": "\u{200f}ada\u{2069}"})));
    let change = change.unwrap();
    assert_eq!((change.reason.as_str(), change.by.as_str()), ("a b c d", "ada"));
}

#[test]
fn what_is_no_json_object_is_refused() {
    for body in ["", "{", "[]", "null", "7", "\"x\"", "{\"action\": \"reset\",}", "action=reset", "\u{0}"] {
        assert_eq!(Change::parse(body.as_bytes()).unwrap_err().status(), StatusCode::BAD_REQUEST, "{body:?}");
    }
    assert!(Change::parse(&[0xff, 0xfe]).is_err());
    assert!(Change::parse("[".repeat(4_000).as_bytes()).is_err());
}
