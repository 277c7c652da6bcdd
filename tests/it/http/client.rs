//! Layers on a real HTTP client, against a real server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::response::IntoResponse;
use buttress::circuit_breaker::Window;
use buttress::{
    CallError, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, RejectedKind, RetryLayer,
    RetryPolicy, client_stack,
};
use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use tower::{Layer, ServiceBuilder};

use super::support::{client, request, serve};
use crate::support::{call_with, nobody_there};

/// A server that answers with these statuses, one after the other, and then 200; and the methods it saw.
async fn scripted(statuses: &[u16]) -> (SocketAddr, Arc<Mutex<Vec<Method>>>) {
    let seen = Arc::<Mutex<Vec<Method>>>::default();
    let script = Arc::new(Mutex::new(statuses.iter().rev().copied().collect::<Vec<_>>()));
    let handler = {
        let seen = Arc::clone(&seen);
        move |request: AxumRequest| async move {
            seen.lock().unwrap().push(request.method().clone());
            let status = script.lock().unwrap().pop().unwrap_or(200);
            (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, "0")]).into_response()
        }
    };
    (serve(Router::new().fallback(handler)).await, seen)
}

fn fast_retry() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default().backoff(buttress::Backoff::constant(Duration::from_millis(1))))
}

#[tokio::test]
async fn a_breaker_sees_the_503_that_is_an_ok() {
    let (address, seen) = scripted(&[503; 20]).await;
    let config = CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(10);
    let layer = CircuitBreakerLayer::new(config).name("upstream");
    let breaker = layer.breaker();
    let mut service = ServiceBuilder::new().layer(layer).map_err(CallError::Inner).service(client());
    for _ in 0..10 {
        let response = call_with(&mut service, request(Method::GET, address, "/")).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(breaker.state(), CircuitState::Open);
    let error = call_with(&mut service, request(Method::GET, address, "/")).await.unwrap_err();
    assert_eq!(error.rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    assert_eq!(seen.lock().unwrap().len(), 10);
}

#[tokio::test]
async fn rt_17_only_what_may_be_repeated_is_repeated() {
    for (method, key, expected) in [
        (Method::GET, false, 3),
        (Method::HEAD, false, 3),
        (Method::PUT, false, 3),
        (Method::DELETE, false, 3),
        (Method::POST, false, 1),
        (Method::PATCH, false, 1),
        (Method::POST, true, 3),
    ] {
        let (address, seen) = scripted(&[503, 503]).await;
        let mut service =
            ServiceBuilder::new().layer(fast_retry()).map_err(CallError::Inner).service(client());
        let mut request = request(method.clone(), address, "/");
        if key {
            request.headers_mut().insert("idempotency-key", "7".parse().unwrap());
        }
        call_with(&mut service, request).await.unwrap();
        assert_eq!(seen.lock().unwrap().len(), expected, "{method}, key {key}");
    }
}

#[tokio::test]
async fn a_request_that_was_never_sent_is_repeated_whatever_its_method() {
    let layer = fast_retry();
    let retry = layer.retry();
    let mut service = layer.layer(ServiceBuilder::new().map_err(CallError::Inner).service(client()));
    let error = call_with(&mut service, request(Method::POST, nobody_there(), "/")).await.unwrap_err();
    assert!(error.into_inner().unwrap().is_connect());
    assert_eq!(retry.snapshot().attempts, 3);
}

#[tokio::test]
async fn the_client_stack_rides_over_a_hiccup_and_keeps_the_clients_error() {
    let (address, seen) = scripted(&[503]).await;
    let stack = client_stack("upstream");
    let breaker = stack.circuit_breaker.breaker();
    let mut service = ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(client());
    let response = call_with(&mut service, request(Method::GET, address, "/")).await.unwrap();
    assert_eq!((response.status(), seen.lock().unwrap().len()), (StatusCode::OK, 2));
    let counts = breaker.snapshot();
    assert_eq!((counts.succeeded, counts.failed), (1, 1));
    let _: fn(CallError<hyper_util::client::legacy::Error>) = |_| ();
}

#[tokio::test]
async fn an_order_is_not_repeated_because_its_redirect_led_nowhere() {
    let elsewhere = format!("http://{}/", nobody_there());
    let seen = Arc::<Mutex<Vec<Method>>>::default();
    let handler = {
        let seen = Arc::clone(&seen);
        move |request: AxumRequest| async move {
            seen.lock().unwrap().push(request.method().clone());
            (StatusCode::SEE_OTHER, [(http::header::LOCATION, elsewhere)])
        }
    };
    let address = serve(Router::new().fallback(handler)).await;
    let inner = ServiceBuilder::new().map_err(CallError::Inner).service(reqwest::Client::new());
    let mut service = fast_retry().layer(inner);
    let order = reqwest::Request::new(Method::POST, format!("http://{address}/order").parse().unwrap());
    let error = call_with(&mut service, order).await.unwrap_err().into_inner().unwrap();
    assert!(error.is_connect(), "the client tells of the second connection as if it were the first");
    assert_eq!(*seen.lock().unwrap(), [Method::POST]);
}
