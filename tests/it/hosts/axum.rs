//! axum, through `axum::serve`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, Route, get};
use buttress::http::ProblemJsonLayer;
use buttress::{CircuitBreakerConfig, CircuitBreakerLayer, Quota, RateLimitLayer};
use http::{Method, StatusCode};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;

use super::app::App;
use super::caller::{Caller, Protocol};
use super::refusals::{assert_refused, every_refusal};
use super::scenarios::{Guard, Host, scenarios};
use crate::http::support::serve;

struct Axum;

pub fn router(app: App) -> Router {
    Router::new().fallback(move |uri: Uri| app.clone().answer(uri.path().to_owned()))
}

impl Host for Axum {
    async fn serve(guard: Guard, app: App, stop: oneshot::Receiver<()>) -> (SocketAddr, JoinHandle<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = router(app).layer(guard);
        let server = axum::serve(listener, router).with_graceful_shutdown(async { drop(stop.await) });
        (address, tokio::spawn(async { server.await.unwrap() }))
    }
}

scenarios!(super::Axum);

/// No `HandleErrorLayer` anywhere.
async fn serve_with<L>(layer: L) -> SocketAddr
where
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request, Error: Into<std::convert::Infallible>, Response: IntoResponse, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    serve(router(App::new()).layer(layer).layer(ProblemJsonLayer::new())).await
}

#[tokio::test]
async fn every_layer_refuses_with_a_response() {
    assert_refused(every_refusal!(serve_with)).await;
}

const QUOTA: Quota = Quota::every(Duration::from_secs(3_600)).burst(10);
const ROUTES: [&str; 3] = ["/a", "/b", "/c"];

fn stateless() -> MethodRouter {
    get(|| async { "done" }).post(|| async { "done" })
}

fn stateful() -> MethodRouter<&'static str> {
    let handler = |State(text): State<&'static str>| async move { text };
    get(handler).post(handler)
}

fn three<S: Clone + Send + Sync + 'static>(methods: MethodRouter<S>) -> Router<S> {
    ROUTES.iter().fold(Router::new(), |router, route| router.route(route, methods.clone()))
}

type Way = (&'static str, fn(RateLimitLayer) -> Router);

/// All places that axum has for a layer.
const WAYS: [Way; 9] = [
    ("layer", |limit| three(stateless()).layer(limit)),
    ("route_layer", |limit| three(stateless()).route_layer(limit)),
    ("MethodRouter::layer", |limit| three(stateless().layer(limit))),
    ("MethodRouter::route_layer", |limit| three(stateless().route_layer(limit))),
    ("layer, then state", |limit| three(stateful()).layer(limit).with_state("done")),
    ("state, then layer", |limit| three(stateful()).with_state("done").layer(limit)),
    ("route_layer, then state", |limit| three(stateful()).route_layer(limit).with_state("done")),
    ("MethodRouter::layer, then state", |limit| three(stateful().layer(limit)).with_state("done")),
    ("MethodRouter::route_layer, then state", |limit| {
        three(stateful().route_layer(limit)).with_state("done")
    }),
];

async fn oneshot(router: Router, method: Method, path: &str) -> StatusCode {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    router.oneshot(request).await.unwrap().status()
}

/// What one request through each way to drive a router is answered, over connections of each protocol and without any.
async fn drive(router: &Router, callers: &[Caller], method: Method, path: &str) -> Vec<StatusCode> {
    let mut answers = Vec::new();
    for caller in callers {
        let mut request = caller.request(path);
        *request.method_mut() = method.clone();
        answers.push(caller.fetch(request).await.0);
    }
    answers.push(oneshot(router.clone(), method.clone(), path).await);
    answers.push(oneshot(router.clone().with_state::<()>(()), method, path).await);
    answers
}

#[tokio::test]
async fn one_quota_wherever_the_layer_stands_and_however_the_router_is_driven() {
    for (place, way) in WAYS {
        let router = way(RateLimitLayer::new(QUOTA));
        let address = serve(router.clone()).await;
        let callers = [Protocol::Http1, Protocol::Http2, Protocol::Http1].map(|p| Caller::new(p, address));
        // Five ways to drive it, twice, is the burst.
        for (method, path) in [(Method::GET, "/a"), (Method::POST, "/b")] {
            assert_eq!(drive(&router, &callers, method, path).await, [StatusCode::OK; 5], "{place}");
        }
        for route in ROUTES {
            for method in [Method::GET, Method::POST] {
                let refused = [StatusCode::TOO_MANY_REQUESTS; 5];
                assert_eq!(drive(&router, &callers, method, route).await, refused, "{place}, {route}");
            }
        }
    }
}

/// As the guide tells it.
#[tokio::test]
async fn only_a_route_layer_lets_unknown_paths_pass() {
    let limit = RateLimitLayer::new(Quota::every(Duration::from_secs(3_600)));
    limit.limiter().try_admit().unwrap();
    for (place, router, expected) in [
        ("layer", three(stateless()).layer(limit.clone()), StatusCode::TOO_MANY_REQUESTS),
        ("route_layer", three(stateless()).route_layer(limit), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(oneshot(router, Method::GET, "/nowhere").await, expected, "{place}");
    }
}

#[tokio::test]
async fn a_panic_that_is_caught_inside_is_a_failure() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
        let breaker = layer.breaker();
        let router = router(App::new()).layer(CatchPanicLayer::new()).layer(layer);
        let caller = Caller::new(protocol, serve(router).await);
        assert_eq!(caller.get("/panic").await, StatusCode::INTERNAL_SERVER_ERROR);
        let counts = breaker.snapshot();
        assert_eq!((counts.failed, counts.panicked, counts.in_flight), (1, 0, 0), "{counts:?}");
    }
}
