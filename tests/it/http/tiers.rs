//! Three tiers that each make up to three attempts, above a leaf that fails.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get as on_get;
use buttress::http::{InheritDeadlineLayer, PropagateLayer, RefuseRepeatsLayer};
use buttress::{
    CallError, Convert, OnReject, RetryLayer, RetryPolicy, TimeoutLayer, client_stack, server_stack,
};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::util::BoxCloneService;
use tower::{ServiceBuilder, service_fn};

use super::support::{client, serve};

const MS: Duration = Duration::from_millis(1);

type Tier = BoxCloneService<Request<()>, Response<()>, Infallible>;

/// A service that calls the next one with retry, and hands on what comes of it.
fn tier(next: Tier, policy: RetryPolicy) -> Tier {
    let client =
        ServiceBuilder::new().layer(RetryLayer::new(policy)).layer(PropagateLayer::new()).service(next);
    BoxCloneService::new(service_fn(move |_: Request<()>| client.clone().oneshot(Request::new(()))))
}

/// How often a leaf that fails is called, for each call of a user's client above two tiers.
async fn leaf_load(policy: RetryPolicy, calls: u32) -> f64 {
    let at_leaf = Arc::<AtomicU64>::default();
    let leaf = {
        let at_leaf = Arc::clone(&at_leaf);
        service_fn(move |_: Request<()>| {
            at_leaf.fetch_add(1, SeqCst);
            async { Ok::<_, Infallible>(Response::builder().status(503).body(()).unwrap()) }
        })
    };
    let mut top = BoxCloneService::new(leaf);
    for _ in 0..3 {
        top = tier(top, policy.clone());
    }
    let mut users = JoinSet::new();
    for _ in 0..calls {
        let call = tower::ServiceExt::oneshot(top.clone(), Request::new(()));
        users.spawn(async { assert_eq!(call.await.unwrap().status(), 503) });
        sleep(MS).await;
    }
    while let Some(user) = users.join_next().await {
        user.unwrap();
    }
    at_leaf.load(SeqCst) as f64 / f64::from(calls)
}

#[tokio::test(start_paused = true)]
async fn three_tiers_of_three_attempts_add_a_third_to_the_load_and_not_26_times() {
    let load = leaf_load(RetryPolicy::default(), 20_000).await;
    assert!(load <= 1.35, "{load}");
    // There are repeats, in each tier.
    assert!(load >= 1.3, "{load}");
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_they_multiply() {
    let load = leaf_load(RetryPolicy::default().budget(None), 50).await;
    assert_eq!(load, 27.0);
}

/// A server that calls the next one with everything there is, and how a client of ours would call it.
async fn server(name: &'static str, next: SocketAddr) -> SocketAddr {
    let client = ServiceBuilder::new()
        .layer(client_stack(name))
        .layer(PropagateLayer::new())
        .map_err(CallError::Inner)
        .service(client());
    let handler = move || {
        let client = client.clone();
        async move {
            let request = Request::get(format!("http://{next}/")).body(Full::<Bytes>::default()).unwrap();
            match client.oneshot(request).await {
                Ok(response) => response.status().into_response(),
                Err(CallError::Rejected(rejected)) => {
                    let answered: Result<Response<axum::body::Body>, Infallible> =
                        Convert.on_reject(rejected);
                    answered.unwrap_or_else(|never| match never {})
                }
                Err(CallError::Inner(_)) => StatusCode::BAD_GATEWAY.into_response(),
            }
        }
    };
    let stack = server_stack(name);
    let repeats = RefuseRepeatsLayer::new(stack.bulkhead.bulkhead());
    let router = Router::new().route("/", on_get(handler)).layer(stack).layer(repeats);
    serve(router.layer(InheritDeadlineLayer::new())).await
}

#[tokio::test]
async fn over_sockets_a_leaf_that_fails_is_not_buried_under_repeats() {
    let at_leaf = Arc::<AtomicU64>::default();
    let leaf = {
        let at_leaf = Arc::clone(&at_leaf);
        on_get(move || async move {
            at_leaf.fetch_add(1, SeqCst);
            StatusCode::SERVICE_UNAVAILABLE
        })
    };
    let leaf = serve(Router::new().route("/", leaf)).await;
    let back = server("to leaf", leaf).await;
    let front = server("to back", back).await;
    let user = ServiceBuilder::new()
        .layer(client_stack("to front").total_timeout(TimeoutLayer::new(500 * MS)))
        .layer(PropagateLayer::new())
        .map_err(CallError::Inner)
        .service(client());

    const CALLS: u64 = 400;
    let mut calls = JoinSet::new();
    let mut refused = 0;
    for number in 0..CALLS {
        let request = Request::get(format!("http://{front}/")).body(Full::<Bytes>::default()).unwrap();
        calls.spawn(user.clone().oneshot(request));
        if number < 16 {
            continue;
        }
        match calls.join_next().await.unwrap().unwrap() {
            Ok(response) => {
                assert!(response.status().is_server_error());
                refused += u64::from(response.headers().contains_key(RETRY_AFTER));
            }
            Err(error) => refused += u64::from(error.rejected().is_some()),
        }
    }
    while calls.join_next().await.is_some() {}
    let load = at_leaf.load(SeqCst) as f64 / CALLS as f64;
    assert!((0.01..=1.35).contains(&load), "{load}");
    assert!(refused > CALLS / 2, "only {refused} were told when to come back");
}
