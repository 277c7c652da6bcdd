//! Layers in front of tonic's services.

use std::convert::Infallible;
use std::time::Duration;

use axum::routing::get;
use buttress::circuit_breaker::Window;
use buttress::grpc::{AsGrpc, Grpc};
use buttress::{
    Bulkhead, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Fallen, Quota,
    RateLimitLayer, RetryLayer, RetryPolicy, TimeoutLayer, server_stack,
};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tonic::Code;
use tonic::body::Body;
use tonic::service::{LayerExt, Routes};
use tonic::transport::{Channel, Server};
use tonic_health::pb::health_client::HealthClient;

use super::support::{Scripted, asking, bind, plain, pushback};
use crate::http::support::{fetch, serve};

/// Fills the one place, and tells what the next call is answered.
async fn overload(service: &Scripted, client: HealthClient<Channel>, bulkhead: Bulkhead) -> tonic::Status {
    let mut first = client.clone();
    let held = tokio::spawn(async move { first.check(asking("gate")).await });
    service.gate.entered(1).await;
    let refused = client.clone().check(asking("")).await.unwrap_err();
    service.gate.open(1);
    held.await.unwrap().unwrap();
    // The same connection is still good.
    client.clone().check(asking("")).await.unwrap();
    let counts = bulkhead.snapshot();
    assert_eq!((counts.admitted, counts.rejected, counts.in_flight), (2, 1, 0), "{counts:?}");
    assert_eq!(service.calls(), 2);
    refused
}

fn degraded(fallen: Fallen<http::Response<Body>, Infallible>) -> Result<http::Response<Body>, Infallible> {
    Ok(tonic::Status::internal(fallen.verdict().cause()).into_http())
}

/// No adapter and no error handling, for all services at once and for one of them.
#[tokio::test]
async fn every_layer_goes_in_front_of_a_server() {
    macro_rules! serves {
        ($($layer:expr),* $(,)?) => {$({
            let (service, (incoming, address)) = (Scripted::new(), bind());
            let layer = $layer;
            let server = Server::builder().layer(layer.clone());
            let server = { server }.add_service(layer.named_layer(service.server()));
            tokio::spawn(server.serve_with_incoming(incoming));
            plain(address).check(asking("")).await.unwrap();
            let failed = plain(address).check(asking("13")).await.unwrap_err();
            assert_eq!((failed.code(), service.calls()), (Code::Internal, 2), stringify!($layer));
        })*};
    }
    const LONG: Duration = Duration::from_secs(60);
    let breaker = || CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let quota = Quota::per_second(1_000);
    serves!(
        TimeoutLayer::new(LONG),
        breaker(),
        breaker().backpressure().classify(Grpc).reject_as(AsGrpc),
        BulkheadLayer::new(2),
        BulkheadLayer::new(2).queue(2, LONG),
        RateLimitLayer::new(quota),
        RateLimitLayer::new(quota).wait(LONG),
        RateLimitLayer::per_key(quota, |request: &http::Request<Body>| Some(request.uri().path().len())),
        RetryLayer::new(RetryPolicy::default()).classify(Grpc),
        FallbackLayer::with(degraded).classify(Grpc),
        server_stack("health"),
        server_stack("health").reject_as(AsGrpc),
    );
}

#[tokio::test]
async fn overload_is_answered_with_a_status_and_a_push_back() {
    let layer = BulkheadLayer::new(1).name("secret-name").reject_as(AsGrpc);
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let server = Server::builder().layer(layer.clone()).add_service(service.server());
    tokio::spawn(server.serve_with_incoming(incoming));
    let for_all = overload(&service, plain(address), layer.bulkhead()).await;

    let (service, (incoming, address)) = (Scripted::new(), bind());
    let layer = layer.fork("secret-name");
    let server = Server::builder().add_service(layer.named_layer(service.server()));
    tokio::spawn(server.serve_with_incoming(incoming));
    let for_one = overload(&service, plain(address), layer.bulkhead()).await;

    for refused in [for_all, for_one] {
        assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "too many calls at once"));
        // A second or more, and spread.
        assert!((1_000..4_000).contains(&pushback(&refused).unwrap()), "{refused:?}");
        assert!(!format!("{refused:?}").contains("secret-name"), "internals on the wire: {refused:?}");
    }
}

#[tokio::test]
async fn without_a_strategy_it_is_http_and_unavailable_all_the_same() {
    let layer = BulkheadLayer::new(1);
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let server = Server::builder().add_service(layer.named_layer(service.server()));
    tokio::spawn(server.serve_with_incoming(incoming));
    let refused = overload(&service, plain(address), layer.bulkhead()).await;
    assert_eq!(refused.code(), Code::Unavailable);
}

#[tokio::test]
async fn each_kind_of_rejection_has_its_status() {
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let quota = RateLimitLayer::new(Quota::every(Duration::from_secs(3_600))).reject_as(AsGrpc);
    let server = Server::builder().layer(quota).add_service(service.server());
    tokio::spawn(server.serve_with_incoming(incoming));
    plain(address).check(asking("")).await.unwrap();
    let limited = plain(address).check(asking("")).await.unwrap_err();
    assert_eq!(limited.code(), Code::Unavailable);
    // Exact: both calls take less than a few minutes.
    assert!((3_000_000..=3_600_000).contains(&pushback(&limited).unwrap()), "{limited:?}");

    let (incoming, address) = bind();
    let quota = RateLimitLayer::new(Quota::per_second(1)).cost(|_: &http::Request<_>| 2);
    let server = Server::builder().layer(quota.reject_as(AsGrpc)).add_service(service.server());
    tokio::spawn(server.serve_with_incoming(incoming));
    let too_dear = plain(address).check(asking("")).await.unwrap_err();
    assert_eq!((too_dear.code(), pushback(&too_dear)), (Code::ResourceExhausted, Some(-1)));

    let (incoming, address) = bind();
    let timeout = TimeoutLayer::new(Duration::from_millis(20)).reject_as(AsGrpc);
    let server = Server::builder().layer(timeout).add_service(service.server());
    tokio::spawn(server.serve_with_incoming(incoming));
    let late = plain(address).check(asking("hang")).await.unwrap_err();
    assert_eq!((late.code(), pushback(&late)), (Code::DeadlineExceeded, None), "nobody shall repeat it");
}

#[tokio::test]
async fn a_breaker_in_front_of_a_handler_opens_and_is_reset() {
    let config = CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(10);
    let layer = CircuitBreakerLayer::new(config).classify(Grpc).reject_as(AsGrpc);
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let server = Server::builder().add_service(layer.named_layer(service.server()));
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut client = plain(address);
    for _ in 0..10 {
        client.check(asking("13")).await.unwrap_err();
    }
    let refused = client.check(asking("13")).await.unwrap_err();
    assert_eq!((refused.code(), service.calls()), (Code::Unavailable, 10));
    layer.breaker().reset();
    client.check(asking("")).await.unwrap();
}

#[tokio::test]
async fn a_call_that_its_caller_drops_frees_its_permit() {
    let stack = server_stack("health");
    let bulkhead = stack.bulkhead.bulkhead();
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let server = Server::builder().layer(stack.reject_as(AsGrpc)).add_service(service.server());
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut client = plain(address);
    let mut other = client.clone();
    let call = tokio::spawn(async move { client.check(asking("gate")).await });
    service.gate.entered(1).await;
    assert_eq!(bulkhead.snapshot().in_flight, 1);
    call.abort();
    // The stream is reset; the connection stays.
    while bulkhead.snapshot().in_flight > 0 {
        yield_now().await;
    }
    assert_eq!((bulkhead.snapshot().cancelled, service.gate.inside()), (1, 0));
    other.check(asking("")).await.unwrap();
}

#[tokio::test]
async fn a_handler_that_panics_frees_its_permit_and_the_connection_lives_on() {
    let layer = BulkheadLayer::new(1).reject_as(AsGrpc);
    let bulkhead = layer.bulkhead();
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let server = Server::builder().layer(layer).add_service(service.server());
    tokio::spawn(server.serve_with_incoming(incoming));
    let mut client = plain(address);
    for _ in 0..3 {
        client.check(asking("panic")).await.unwrap_err();
        client.check(asking("")).await.unwrap();
    }
    let counts = bulkhead.snapshot();
    assert_eq!((counts.admitted, counts.cancelled, counts.in_flight), (6, 3, 0), "{counts:?}");
}

#[tokio::test]
async fn a_shutdown_lets_calls_in_flight_end() {
    let stack = server_stack("health").reject_as(AsGrpc);
    let bulkhead = stack.bulkhead.bulkhead();
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::builder().layer(stack).add_service(service.server());
    let server = tokio::spawn(server.serve_with_incoming_shutdown(incoming, async { drop(stopped.await) }));
    let mut client = plain(address);
    let call = tokio::spawn(async move { client.check(asking("gate")).await });
    service.gate.entered(1).await;
    stop.send(()).unwrap();
    // It no longer listens, and still works.
    while plain(address).check(asking("")).await.is_ok() {
        yield_now().await;
    }
    assert_eq!((server.is_finished(), bulkhead.snapshot().in_flight), (false, 1));
    service.gate.open(1);
    call.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
    assert_eq!(bulkhead.snapshot().in_flight, 0);
}

#[tokio::test]
async fn a_stream_passes_through() {
    let stack = server_stack("health").reject_as(AsGrpc);
    let bulkhead = stack.bulkhead.bulkhead();
    let (service, (incoming, address)) = (Scripted::new(), bind());
    let server = Server::builder().layer(stack).add_service(service.server());
    tokio::spawn(server.serve_with_incoming(incoming));
    for (code, expected) in [("0", Code::Ok), ("13", Code::Internal)] {
        let mut stream = plain(address).watch(asking(code)).await.unwrap().into_inner();
        let mut messages = 0;
        let end = loop {
            match stream.message().await {
                Ok(Some(_)) => messages += 1,
                Ok(None) => break Code::Ok,
                Err(status) => break status.code(),
            }
        };
        assert_eq!((messages, end), (3, expected));
    }
    let counts = bulkhead.snapshot();
    assert_eq!((counts.completed, counts.in_flight), (2, 0), "{counts:?}");
}

/// One bulkhead for both, and each side is told in its own words.
#[tokio::test]
async fn a_router_of_both_worlds_shares_one_limit() {
    let layer = BulkheadLayer::new(1);
    let service = Scripted::new();
    let rest = axum::Router::new().route("/ping", get(|| async { "pong" })).layer(layer.clone());
    let grpc = Routes::new(service.server()).into_axum_router().layer(layer.clone().reject_as(AsGrpc));
    let address = serve(rest.merge(grpc)).await;

    let mut client = plain(address);
    let mut first = client.clone();
    let held = tokio::spawn(async move { first.check(asking("gate")).await });
    service.gate.entered(1).await;
    let (status, headers, _) = fetch(http::Method::GET, address, "/ping").await;
    assert_eq!(status, http::StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key("retry-after") && !headers.contains_key("grpc-status"));
    let refused = client.check(asking("")).await.unwrap_err();
    assert_eq!((refused.code(), pushback(&refused).is_some()), (Code::Unavailable, true));
    service.gate.open(1);
    held.await.unwrap().unwrap();
    assert_eq!(fetch(http::Method::GET, address, "/ping").await.0, http::StatusCode::OK);
}
