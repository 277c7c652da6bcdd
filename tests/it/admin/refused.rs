//! Whatever is not meant for the page is refused, and told why.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use buttress::admin::Admin;
use buttress::registry::Registry;
use buttress::{Bulkhead, CircuitBreaker, CircuitBreakerConfig, CircuitState};
use serde_json::json;
use tower::Service;

use super::support::{Answer, TOKEN, exchange, get, post, serve, serve_router};

/// What every answer has, whoever asked for what.
fn assert_is_safe(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{what}: {answer:?}"));
    for part in ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self'"] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    for part in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert!(!answer.head.contains("access-control-"), "{what}: {}", answer.head);
}

async fn assert_refused(address: SocketAddr, status: u16, head: &str, body: &str) {
    let head = format!("{}\r\nconnection: close", head.replace("HERE", &address.to_string()));
    let answer = exchange(address, &head, body).await;
    assert_eq!(answer.status, status, "{head}\n{answer:?}");
    assert_is_safe(&answer, &head);
    if !head.starts_with("HEAD") {
        assert!(answer.json()["error"].is_string(), "{head}\n{answer:?}");
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_every_route() {
    let address = serve(Admin::new().overrides(TOKEN).allow_host("ops.internal:9000")).await;
    for path in ["", "/", "/snapshot", "/events", "/overrides", "/nope"] {
        for host in
            ["evil.example", "localhost.evil.example", "ops.internal", "ops.internal:9001", "127.0.0.1x"]
        {
            assert_refused(address, 421, &format!("GET /buttress{path} HTTP/1.1\r\nhost: {host}"), "").await;
        }
        let with_two_hosts = format!("GET /buttress{path} HTTP/1.1\r\nhost: localhost\r\nhost: evil.example");
        assert_refused(address, 400, &with_two_hosts, "").await;
        assert_refused(address, 400, &format!("GET /buttress{path} HTTP/1.0"), "").await;
        let with_two_meanings = format!("GET http://evil.example/buttress{path} HTTP/1.1\r\nhost: localhost");
        assert_refused(address, 400, &with_two_meanings, "").await;
    }
    for host in
        ["localhost", "localhost:1", "127.0.0.1:80", "[::1]:9000", "ops.internal:9000", "OPS.internal:9000"]
    {
        let head = format!("GET /buttress HTTP/1.1\r\nhost: {host}\r\nconnection: close");
        assert_eq!(exchange(address, &head, "").await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn only_get_head_and_post_are_answered() {
    let address = serve(Admin::new().overrides(TOKEN)).await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"] {
        for path in ["", "/snapshot", "/overrides"] {
            assert_refused(address, 405, &format!("{method} /buttress{path} HTTP/1.1\r\nhost: HERE"), "")
                .await;
        }
    }
    let head = format!("POST /buttress/snapshot HTTP/1.1\r\nhost: {address}\r\nconnection: close");
    let wrong = exchange(address, &head, "").await;
    assert_eq!(wrong.status, 405);
    assert_is_safe(&wrong, "a wrong method");
    assert!(wrong.json()["error"].is_string(), "{wrong:?}");
    for (method, path, allowed) in [
        ("PUT", "", "GET,HEAD"),
        ("POST", "/", "GET,HEAD"),
        ("DELETE", "/snapshot", "GET,HEAD"),
        ("POST", "/events", "GET,HEAD"),
        ("GET", "/overrides", "POST"),
    ] {
        let head = format!("{method} /buttress{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close");
        let wrong = exchange(address, &head, "").await;
        assert_eq!((wrong.status, wrong.header("allow")), (405, Some(allowed)), "{method} {path}");
        assert!(wrong.json()["error"].is_string(), "{wrong:?}");
    }
    let head =
        exchange(address, &format!("HEAD /buttress HTTP/1.1\r\nhost: {address}\r\nconnection: close"), "")
            .await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_refused(address, 404, "GET /buttress/snapshot/ HTTP/1.1\r\nhost: HERE", "").await;
    assert_refused(address, 404, "POST /buttress/nope HTTP/1.1\r\nhost: HERE\r\ncontent-length: 0", "").await;
}

#[tokio::test]
async fn pages_of_others_get_nothing() {
    let address = serve(Admin::new().overrides(TOKEN)).await;
    for path in ["/snapshot", "/events"] {
        let head = format!("GET /buttress{path} HTTP/1.1\r\nhost: HERE");
        for foreign in [
            "sec-fetch-site: cross-site",
            "sec-fetch-site: same-site",
            "origin: http://evil.example",
            "origin: null",
            "origin: http://127.0.0.1:1",
            "origin: http://localhost",
        ] {
            assert_refused(address, 403, &format!("{head}\r\n{foreign}"), "").await;
        }
    }
    // A link in a wiki leads to the page itself.
    let head = format!(
        "GET /buttress HTTP/1.1\r\nhost: {address}\r\nsec-fetch-site: cross-site\r\nconnection: close"
    );
    let page = exchange(address, &head, "").await;
    assert_eq!(page.status, 200);
    assert_is_safe(&page, "the page");
}

#[tokio::test]
async fn without_a_token_nothing_can_be_changed() {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("read-only breaker");
    let address = serve(Admin::new()).await;
    let name = "read-only breaker";
    let body = json!({"action": "isolate", "stack": name, "layer": "circuit_breaker", "name": name, "ttl_seconds": 60, "reason": "x"});
    let answer = post(address, &body).await;
    assert_eq!((answer.status, breaker.state()), (403, CircuitState::Closed));
    assert_is_safe(&answer, "read-only");
    assert_eq!(get(address, "/buttress/snapshot").await.json()["overrides"], false);
}

#[tokio::test]
async fn every_request_that_is_not_quite_right_is_refused_and_changes_nothing() {
    let name = "breaker nobody may touch";
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named(name);
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let body = json!({"action": "isolate", "stack": name, "layer": "circuit_breaker", "name": name, "ttl_seconds": 60, "reason": "x"});
    let body = body.to_string();
    let length = format!("content-length: {}", body.len());
    let (kind, key) = ("content-type: application/json", format!("authorization: Bearer {TOKEN}"));
    let origin = "origin: http://HERE";
    for (status, headers) in [
        // No token, or not this one.
        (401, vec![kind, origin]),
        (401, vec![kind, origin, "authorization: Bearer"]),
        (401, vec![kind, origin, "authorization: Bearer "]),
        (401, vec![kind, origin, "authorization: Bearer a-token-for-test"]),
        (401, vec![kind, origin, "authorization: Bearer a-token-for-testsx"]),
        (401, vec![kind, origin, "authorization: a-token-for-tests"]),
        (401, vec![kind, origin, "authorization: Basic a-token-for-tests"]),
        (401, vec![kind, origin, "cookie: token=a-token-for-tests"]),
        // What a form of another site could send.
        (415, vec![origin, &key]),
        (415, vec![origin, &key, "content-type: text/plain"]),
        (415, vec![origin, &key, "content-type: application/x-www-form-urlencoded"]),
        (415, vec![origin, &key, "content-type: multipart/form-data; boundary=application/json"]),
        (415, vec![origin, &key, "content-type: application/jsonp"]),
        (415, vec![origin, &key, "content-type: text/plain; application/json"]),
        // Another site.
        (403, vec![kind, &key, "origin: http://evil.example"]),
        (403, vec![kind, &key, "origin: https://HERE.evil.example"]),
        (403, vec![kind, &key, "origin: null"]),
        (403, vec![kind, &key, "origin: http://localhost"]),
        (403, vec![kind, &key, origin, "sec-fetch-site: cross-site"]),
        (403, vec![kind, &key, origin, "sec-fetch-site: same-site"]),
    ] {
        let headers = headers.join("\r\n");
        let head = format!("POST /buttress/overrides HTTP/1.1\r\nhost: HERE\r\n{length}\r\n{headers}");
        assert_refused(address, status, &head, &body).await;
    }
    let foreign =
        format!("POST /buttress/overrides HTTP/1.1\r\nhost: evil.example\r\n{length}\r\n{kind}\r\n{key}");
    assert_refused(address, 421, &foreign, &body).await;
    assert_eq!(breaker.state(), CircuitState::Closed);
    // Those without the right token are counted.
    assert_eq!(get(address, "/buttress/snapshot").await.json()["unauthorized"], 8);

    // And the same request when everything is right; a shell sends no origin.
    let head = format!(
        "POST /buttress/overrides HTTP/1.1\r\nhost: {address}\r\n{length}\r\n{kind}; charset=utf-8\r\n{key}\r\nconnection: close"
    );
    assert_eq!(exchange(address, &head, &body).await.status, 200);
    assert_eq!(breaker.state(), CircuitState::Open);
}

#[tokio::test]
async fn a_body_that_is_not_quite_right_is_refused_and_changes_nothing() {
    let name = "bulkhead nobody may touch";
    let bulkhead = Bulkhead::new(8).named(name);
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let with = |fields: serde_json::Value| {
        let mut body = json!({"stack": name, "layer": "bulkhead", "name": name, "reason": "x"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    for (field, fields) in [
        ("action", json!({})),
        ("action", json!({"action": "explode"})),
        ("limit", json!({"action": "limit"})),
        ("limit", json!({"action": "limit", "limit": 0})),
        ("limit", json!({"action": "limit", "limit": 1.5})),
        ("limit", json!({"action": "limit", "limit": 1e18})),
        ("limit", json!({"action": "limit", "limit": "9"})),
        // The engine's own rule.
        ("max_concurrent", json!({"action": "limit", "limit": 1_000_000})),
        ("surprise", json!({"action": "limit", "limit": 9, "surprise": true})),
        ("ttl_seconds", json!({"action": "limit", "limit": 9, "ttl_seconds": 60})),
        ("ttl_seconds", json!({"action": "mode", "mode": "off"})),
        ("mode", json!({"action": "mode", "mode": "OFF", "ttl_seconds": 60})),
        ("reason", json!({"action": "limit", "limit": 9, "reason": ""})),
        ("reason", json!({"action": "limit", "limit": 9, "reason": "two\nlines"})),
        // Not for a bulkhead.
        ("layer", json!({"action": "isolate", "ttl_seconds": 60})),
        ("layer", json!({"action": "reset"})),
    ] {
        let answer = post(address, &with(fields.clone())).await;
        assert_eq!(answer.status, 422, "{fields}: {answer:?}");
        let error = answer.json();
        assert_eq!(error["field"], field, "{fields}: {error}");
        assert!(error["rule"].is_string() && error.get("value").is_some(), "{fields}: {error}");
        assert_is_safe(&answer, "a bad body");
    }
    let too_large =
        post(address, &with(json!({"action": "limit", "limit": 9, "by": "x".repeat(5_000)}))).await;
    assert_eq!(too_large.status, 413);
    for body in [json!([]), json!("limit"), json!(null)] {
        assert_eq!(post(address, &body).await.status, 400, "{body}");
    }
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.limit, snapshot.mode), (8, buttress::Mode::Enforce));
}

#[tokio::test]
async fn an_unknown_engine_is_not_found_and_not_made() {
    let address = serve(Admin::new().overrides(TOKEN)).await;
    let known = |name: &str| {
        Registry::global().engines().iter().any(|engine| engine.identity().name.as_str() == name)
    };
    let body = json!({"action": "mode", "mode": "off", "stack": "nobody", "layer": "bulkhead", "name": "nobody here", "ttl_seconds": 60, "reason": "x"});
    assert_eq!(post(address, &body).await.status, 404);
    assert!(!known("nobody here"));

    // Each of the three has to be right.
    let _engine = Bulkhead::new(1).named("somebody");
    for (stack, layer, name) in [
        ("somebody", "timeout", "somebody"),
        ("someone", "bulkhead", "somebody"),
        ("somebody", "bulkhead", "Somebody"),
        ("somebody", "bulkhead", "somebody#2"),
        ("", "", ""),
    ] {
        let body = json!({"action": "limit", "limit": 9, "stack": stack, "layer": layer, "name": name, "reason": "x"});
        assert_eq!(post(address, &body).await.status, 404, "{body}");
    }
}

#[tokio::test]
async fn it_is_served_wherever_it_is_nested() {
    let page = "<title>buttress</title>";
    let nested = serve_router(Router::new().nest("/deep/down", Admin::new().router())).await;
    assert!(get(nested, "/deep/down").await.body.contains(page));
    assert_eq!(get(nested, "/deep/down/snapshot").await.status, 200);
    let service = serve_router(Router::new().nest_service("/deep/down", Admin::new().router())).await;
    for path in ["/deep/down", "/deep/down/"] {
        assert!(get(service, path).await.body.contains(page), "{path}");
    }
    let alone = serve_router(Admin::new().router()).await;
    assert!(get(alone, "/").await.body.contains(page));
    assert_eq!(get(alone, "/snapshot").await.status, 200);
}

#[test]
fn a_router_can_be_made_outside_of_a_runtime() {
    let mut router = Admin::new().router();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request = Request::get("/snapshot").header("host", "localhost").body(Body::empty()).unwrap();
    let answer = runtime.block_on(router.call(request)).unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn bad_settings_are_refused() {
    for token in ["", "too short", "fifteen letters", "white space in the middle"] {
        assert_eq!(Admin::new().try_overrides(token).unwrap_err().field(), "overrides", "{token:?}");
    }
    for host in ["", "*", "http://ops.internal", "ops.internal/buttress", "two hosts"] {
        assert_eq!(Admin::new().try_allow_host(host).unwrap_err().field(), "allow_host", "{host:?}");
    }
    let shown = format!("{:?}", Admin::new().overrides(TOKEN));
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[test]
#[should_panic(expected = "invalid `overrides` = 9 characters")]
fn a_weak_token_panics_at_construction() {
    let _ = Admin::new().overrides("too short");
}
