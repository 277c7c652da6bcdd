//! What is exempt is answered by a server that is full, on each host.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use buttress::grpc::AsGrpc;
use buttress::http::ExemptLayer;
use buttress::{BulkheadLayer, CallError, TimeoutLayer, server_stack};
use http::{Request, StatusCode};
use tonic::Code;
use tonic::service::Routes;
use tonic::transport::Server;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, service_fn};

use super::app::App;
use super::caller::{Caller, Protocol};
use crate::grpc::support::{Scripted, asking, bind, plain};
use crate::support::{call_with, poll_once};

const EXEMPT: [&str; 2] = ["/healthz", "/metrics/"];

/// Its only place is taken.
fn full() -> BulkheadLayer {
    let layer = BulkheadLayer::new(1);
    std::mem::forget(layer.bulkhead().try_admit().unwrap());
    layer
}

async fn assert_exempt(address: SocketAddr) {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let caller = Caller::new(protocol, address);
        for (path, expected) in [
            ("/orders", StatusCode::SERVICE_UNAVAILABLE),
            ("/healthz?verbose", StatusCode::OK),
            ("/metrics/process", StatusCode::OK),
            ("/healthz/orders", StatusCode::SERVICE_UNAVAILABLE),
        ] {
            assert_eq!(caller.get(path).await, expected, "{protocol:?} {path}");
        }
    }
}

#[tokio::test]
async fn paths_are_exempt_on_axum() {
    assert_exempt(super::axum::serve_with(ExemptLayer::new(full(), EXEMPT)).await).await;
}

#[tokio::test]
async fn paths_are_exempt_on_hyper() {
    assert_exempt(super::hyper::serve_with(ExemptLayer::new(full(), EXEMPT)).await).await;
}

#[tokio::test]
async fn paths_are_exempt_on_tonic() {
    let (incoming, address) = bind();
    let routes = Routes::from(super::axum::router(App::new()));
    let server = Server::builder().accept_http1(true).layer(ExemptLayer::new(full(), EXEMPT));
    tokio::spawn({ server }.add_routes(routes).serve_with_incoming(incoming));
    assert_exempt(address).await;
}

#[tokio::test]
async fn a_service_of_grpc_is_exempt_by_its_name() {
    for (exempt, expected) in
        [("/grpc.health.v1.Health/", None), ("/grpc.health.v1.Other/", Some(Code::Unavailable))]
    {
        let (incoming, address) = bind();
        let stack = server_stack("full").bulkhead(full()).reject_as(AsGrpc);
        let server = Server::builder().layer(ExemptLayer::new(stack, [exempt]));
        tokio::spawn({ server }.add_service(Scripted::new().server()).serve_with_incoming(incoming));
        let answer = plain(address).check(asking("")).await;
        assert_eq!(answer.err().map(|status| status.code()), expected);
    }
}

/// What was readied for a limited request holds the only place, and it is an exempt one that comes.
#[test]
fn an_exempt_request_does_not_wait_for_the_place_that_was_reserved_for_it() {
    let handler = service_fn(|_: Request<u64>| async { Ok::<_, CallError<Infallible>>(7) });
    let exempt = |request: &Request<u64>| *request.body() == 0;
    let layer = ExemptLayer::when(TimeoutLayer::new(Duration::from_secs(3_600)), exempt);
    let mut service = layer.layer(ConcurrencyLimit::new(handler, 1));
    for request in [0, 1, 0, 0, 1, 1, 0] {
        let answer = poll_once(pin!(call_with(&mut service, Request::new(request))));
        assert!(matches!(answer, Poll::Ready(Ok(7))), "{answer:?}");
    }
    let timeout = layer.get_ref().timeout().snapshot();
    assert_eq!((timeout.calls, timeout.admitted), (3, 3));
}
