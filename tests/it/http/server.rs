//! Layers on an axum router, without any `HandleErrorLayer`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get as on_get, post as on_post};
use buttress::circuit_breaker::Window;
use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, Quota, RateLimitLayer, Rejected,
    RejectedKind, TimeoutLayer, server_stack,
};
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::support::{Gate, fetch, get, serve};

fn retry_after(headers: &HeaderMap) -> u64 {
    headers[RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

/// Three routes with two methods each, all through the gate.
fn gated(gate: &Gate) -> Router {
    let handler = {
        let gate = gate.clone();
        move || gate.clone().pass()
    };
    let methods = on_get(handler.clone()).post(handler);
    Router::new().route("/a", methods.clone()).route("/b", methods.clone()).route("/c", methods)
}

const ROUTES: [&str; 3] = ["/a", "/b", "/c"];

/// The n-th of the combinations of route and method.
fn combination(n: usize) -> (Method, &'static str) {
    (if n.is_multiple_of(2) { Method::GET } else { Method::POST }, ROUTES[n % ROUTES.len()])
}

#[tokio::test]
async fn bh_15_one_limit_for_all_routes_methods_and_connections() {
    let gate = Gate::new();
    let layer = BulkheadLayer::new(8).name("secret-name");
    let bulkhead = layer.bulkhead();
    let address = serve(gated(&gate).layer(layer)).await;

    let mut calls = JoinSet::new();
    for n in 0..50 {
        let (method, path) = combination(n);
        calls.spawn(async move { fetch(method, address, path).await });
    }
    gate.entered(8).await;
    let mut refused = Vec::new();
    while refused.len() < 42 {
        refused.push(calls.join_next().await.unwrap().unwrap());
    }
    assert_eq!((gate.inside(), gate.peak()), (8, 8));
    for (status, headers, body) in &refused {
        assert_eq!(*status, StatusCode::SERVICE_UNAVAILABLE);
        assert!((1..=4).contains(&retry_after(headers)), "{headers:?}");
        assert!(body.is_empty() && !format!("{headers:?}").contains("secret-name"), "internals on the wire");
    }
    let spread: std::collections::HashSet<_> =
        refused.iter().map(|(_, headers, _)| retry_after(headers)).collect();
    assert!(spread.len() > 1, "everybody was told to come back in the same second");

    gate.open(8);
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap().0, StatusCode::OK);
    }
    let counts = bulkhead.snapshot();
    assert_eq!((counts.calls, counts.admitted, counts.rejected, counts.in_flight), (50, 8, 42, 0));
}

#[tokio::test]
async fn rl_14_one_quota_for_all_routes_methods_and_connections() {
    let gate = Gate::new();
    gate.open(100);
    let layer = RateLimitLayer::new(Quota::every(Duration::from_secs(3_600)).burst(5));
    let address = serve(gated(&gate).layer(layer)).await;
    let mut statuses = Vec::new();
    for n in 0..50 {
        let (method, path) = combination(n);
        let (status, headers, _) = fetch(method, address, path).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            // Exact, rounded up: all 50 requests take less than a few minutes.
            assert!((3_000..=3_600).contains(&retry_after(&headers)), "{headers:?}");
        }
        statuses.push(status);
    }
    assert!(statuses[..5].iter().all(StatusCode::is_success), "{statuses:?}");
    assert!(statuses[5..].iter().all(|s| *s == StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test]
async fn a_breaker_opens_for_all_routes_and_recovers_by_hand() {
    let config = CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(10);
    let layer = CircuitBreakerLayer::new(config);
    let breaker = layer.breaker();
    let calls = Arc::new(AtomicU64::new(0));
    let failing = |State(calls): State<Arc<AtomicU64>>| async move {
        calls.fetch_add(1, SeqCst);
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let router = Router::new()
        .route("/a", on_get(failing))
        .route("/b", on_post(failing))
        .with_state(Arc::clone(&calls))
        .layer(layer);
    let address = serve(router).await;
    for _ in 0..10 {
        assert_eq!(get(address, "/a").await, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(breaker.state(), CircuitState::Open);
    let (status, headers, _) = fetch(Method::POST, address, "/b").await;
    assert_eq!((status, calls.load(SeqCst)), (StatusCode::SERVICE_UNAVAILABLE, 10));
    assert!(retry_after(&headers) >= 1);
    breaker.reset();
    assert_eq!(get(address, "/a").await, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_hung_handler_is_answered_504() {
    let router = Router::new()
        .route("/", on_get(std::future::pending::<&str>))
        .layer(TimeoutLayer::new(Duration::from_millis(20)));
    let (status, headers, _) = fetch(Method::GET, serve(router).await, "/").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert!(retry_after(&headers) >= 1);
}

#[tokio::test]
async fn state_is_shared_whichever_way_the_router_is_driven() {
    let quota = Quota::every(Duration::from_secs(3_600)).burst(4);
    let layer = RateLimitLayer::new(quota);
    let router: Router<()> = Router::new()
        .route("/", on_get(|State(text): State<&'static str>| async move { text }))
        .layer(layer)
        .with_state("ok");
    let oneshot = |router: Router| async {
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    };
    let address = serve(router.clone()).await;
    assert_eq!(get(address, "/").await, StatusCode::OK);
    assert_eq!(get(address, "/").await, StatusCode::OK);
    assert_eq!(oneshot(router.clone()).await, StatusCode::OK);
    assert_eq!(oneshot(router.with_state::<()>(())).await, StatusCode::OK);
    assert_eq!(get(address, "/").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn health_checks_outside_the_stack_are_answered_under_overload() {
    let gate = Gate::new();
    let stack = server_stack("shop").bulkhead(BulkheadLayer::new(2).queue(1, Duration::from_secs(60)));
    let router = gated(&gate).layer(stack).route("/healthz", on_get(|| async { "ok" }));
    let address = serve(router).await;
    let mut calls = JoinSet::new();
    for n in 0..10 {
        let (method, path) = combination(n);
        calls.spawn(async move { fetch(method, address, path).await.0 });
    }
    gate.entered(2).await;
    for _ in 0..7 {
        assert_eq!(calls.join_next().await.unwrap().unwrap(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(get(address, "/healthz").await, StatusCode::OK);
    gate.open(3);
    while let Some(status) = calls.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    assert_eq!(gate.peak(), 2);
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_permit() {
    let gate = Gate::new();
    let layer = BulkheadLayer::new(1);
    let bulkhead = layer.bulkhead();
    let address = serve(gated(&gate).layer(layer)).await;
    let call = tokio::spawn(async move { get(address, "/a").await });
    gate.entered(1).await;
    call.abort();
    // The server notices the closed connection, drops the call, and the slot is free again.
    while bulkhead.snapshot().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bulkhead.snapshot().cancelled, 1);
    gate.open(1);
    assert_eq!(get(address, "/a").await, StatusCode::OK);
}

#[tokio::test]
async fn the_rejection_travels_in_the_extensions() {
    let layer = BulkheadLayer::new(1).name("inner");
    let _held = layer.bulkhead().try_admit().unwrap();
    let service =
        tower::service_fn(|_: Request<()>| async { Ok::<_, Infallible>(http::Response::new(String::new())) });
    let response = tower::Layer::layer(&layer, service).oneshot(Request::new(())).await.unwrap();
    let rejected = response.extensions().get::<Rejected>().unwrap();
    assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::BulkheadFull, "inner"));
    // So that a breaker around it knows that this 503 is our own.
    assert_eq!(buttress::Answer::verdict(&response).outcome(), buttress::Outcome::Ignored);
}
