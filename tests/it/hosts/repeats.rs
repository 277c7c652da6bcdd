//! Layers that copy requests, on an axum router.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use buttress::{Backoff, Degraded, FallbackLayer, RetryLayer, RetryPolicy};
use http::{Method, Request, StatusCode};
use tower::ServiceExt;

use super::app::App;

async fn answer(router: &Router, method: Method, body: &'static str) -> http::Response<Body> {
    let request = Request::builder().method(method).uri("/").body(Body::from(body)).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

fn router(app: &App, status: StatusCode) -> Router {
    let app = app.clone();
    Router::new().route("/", any(move || async move { (status, app.answer("/".to_owned()).await.1) }))
}

#[tokio::test]
async fn a_retry_and_a_fallback_service_copy_what_has_no_body() {
    let broken = StatusCode::SERVICE_UNAVAILABLE;
    let policy = RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1)));
    // The method, the body, how often it is sent, and whether another router is asked.
    for (method, body, attempts, falls) in [
        (Method::GET, "", 3, true),
        (Method::POST, "", 1, false),
        // It may be a stream, so there is no copy.
        (Method::PUT, "text", 1, false),
    ] {
        let app = App::new();
        let repeated = router(&app, broken).layer(RetryLayer::new(policy.clone()));
        assert_eq!(answer(&repeated, method.clone(), body).await.status(), broken);
        assert_eq!(app.calls(), attempts, "{method} {body:?}");

        let other = App::new();
        let fallback = FallbackLayer::service(router(&other, StatusCode::OK));
        let fallen = router(&App::new(), broken).layer(fallback);
        let response = answer(&fallen, method.clone(), body).await;
        assert_eq!((response.status() == StatusCode::OK, other.calls() == 1), (falls, falls), "{method}");
        assert_eq!(response.extensions().get::<Degraded>().is_some(), falls);
    }
}
