//! Layers on `connector_layer`: around the making of connections.

use std::future::{Pending, pending};
use std::task::{Context, Poll};
use std::time::Duration;

use buttress::{
    BoxError, BulkheadLayer, CallError, CircuitBreakerLayer, ErrorsOnly, Fault, Outcome, Quota,
    RateLimitLayer, RejectedKind, RetryLayer, RetryPolicy, TimeoutLayer, client_stack, find_rejected,
};
use http::{Method, StatusCode};
use tower::layer::layer_fn;
use tower::{Layer, Service, ServiceBuilder};

use super::support::{BOTH, Scripted, quick, request};
use crate::http::support::serve;
use crate::support::{call_with, nobody_there};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn all_of_them_at_once_let_connections_be_made() {
    for version in BOTH {
        let (server, address) = Scripted::serve().await;
        let breaker = CircuitBreakerLayer::new(quick()).classify(ErrorsOnly);
        let (bulkhead, timeout) = (BulkheadLayer::new(2), TimeoutLayer::new(LONG));
        let queued = BulkheadLayer::new(2).queue(2, LONG);
        let (limit, waiting) =
            (Quota::per_second(100), RateLimitLayer::new(Quota::per_second(100)).wait(LONG));
        let client = version
            .builder()
            .connector_layer(timeout.clone())
            .connector_layer(RateLimitLayer::new(limit))
            .connector_layer(waiting)
            .connector_layer(bulkhead.clone())
            .connector_layer(queued)
            .connector_layer(breaker.clone());
        let client = client.build().unwrap();
        for _ in 0..3 {
            let response = client.execute(request(Method::GET, address, "/200")).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            response.bytes().await.unwrap();
        }
        assert_eq!(server.count(), 3);
        let counts = bulkhead.bulkhead().snapshot();
        assert_eq!((counts.completed, counts.in_flight), (1, 0), "{version:?}: a connection is used again");
        assert_eq!((breaker.breaker().snapshot().succeeded, timeout.timeout().snapshot().calls), (1, 1));
    }
}

/// The whole order of layers as one.
#[tokio::test]
async fn a_stack_of_them_is_one_layer() {
    let (_, address) = Scripted::serve().await;
    let layers = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(quick()).classify(ErrorsOnly))
        .layer(BulkheadLayer::new(8))
        .layer(RateLimitLayer::new(Quota::per_second(50)))
        .layer(TimeoutLayer::new(LONG))
        .into_inner();
    let client = reqwest::Client::builder().connector_layer(layers).build().unwrap();
    assert_eq!(client.execute(request(Method::GET, address, "/200")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn refused_connections_open_the_breaker_and_its_rejection_is_found() {
    for version in BOTH {
        let layer = CircuitBreakerLayer::new(quick()).classify(ErrorsOnly);
        let breaker = layer.breaker();
        let client = version.builder().connector_layer(layer).build().unwrap();
        let nobody = nobody_there();
        for _ in 0..10 {
            let error = client.execute(request(Method::GET, nobody, "/")).await.unwrap_err();
            assert!(error.is_connect() && find_rejected(&error).is_none(), "{version:?} {error:?}");
        }
        let counts = breaker.snapshot();
        assert_eq!((counts.opened, counts.causes.count("connect")), (1, 10), "{version:?} {counts:?}");

        let error = client.execute(request(Method::GET, nobody, "/")).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(find_rejected(&error).unwrap().kind(), RejectedKind::CircuitOpen);
        // What was refused here says nothing about who would have been called.
        assert_eq!((error.verdict().outcome(), error.verdict().may_repeat()), (Outcome::Ignored, false));
        assert_eq!(breaker.snapshot().admitted, 10);
    }
}

#[tokio::test]
async fn a_stack_around_the_client_knows_the_rejections_of_its_connector() {
    let connect = CircuitBreakerLayer::new(quick()).classify(ErrorsOnly);
    connect.breaker().isolate();
    let client = reqwest::Client::builder().connector_layer(connect).build().unwrap();
    let stack = client_stack("upstream");
    let (breaker, retry) = (stack.circuit_breaker.breaker(), stack.retry.retry());
    let mut client = ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(client);
    let error = call_with(&mut client, request(Method::GET, nobody_there(), "/")).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    let error = error.into_inner().expect("the stack itself refused nothing");
    assert!(find_rejected(&error).is_some());
    assert_eq!((breaker.snapshot().ignored, retry.snapshot().attempts), (1, 1));
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_given_up() {
    let timeout = TimeoutLayer::new(Duration::from_millis(20));
    let client = reqwest::Client::builder().connector_layer(layer_fn(Never)).connector_layer(timeout);
    let client = client.build().unwrap();
    let error = client.execute(request(Method::GET, nobody_there(), "/")).await.unwrap_err();
    assert_eq!(find_rejected(&error).unwrap().kind(), RejectedKind::TimedOut, "{error:?}");
    assert!(error.is_connect() && error.verdict().was_sent(), "{error:?}");
}

/// Makes no connection, and does not say so.
#[derive(Clone)]
struct Never<S>(S);

impl<S: Service<Req>, Req> Service<Req> for Never<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pending<Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, _: Req) -> Self::Future {
        pending()
    }
}

/// The connector refused the second host of a redirect; the first one had the order by then.
#[tokio::test]
async fn an_order_is_not_repeated_because_a_limit_held_up_its_redirect() {
    for version in BOTH {
        let (second, elsewhere) = Scripted::serve().await;
        let first = Scripted::new();
        let address = serve(first.router()).await;
        let one_connection = RateLimitLayer::new(Quota::every(Duration::from_secs(1)));
        let client = version.builder().connector_layer(one_connection).build().unwrap();
        // The wait for the limit is shorter than its longest back-off.
        let retry = RetryLayer::new(RetryPolicy::default());
        let mut client = retry.layer(ServiceBuilder::new().map_err(CallError::Inner).service(client));
        let order = request(Method::POST, address, &format!("/elsewhere?{elsewhere}"));
        let error = call_with(&mut client, order).await.unwrap_err();
        assert_eq!((first.count(), second.count()), (1, 0), "{version:?}: the order was sent again");
        // Whatever it is put into.
        let boxed = BoxError::from(error);
        assert!(boxed.verdict().was_sent(), "{boxed:?}");
        let inner = boxed.downcast::<CallError<reqwest::Error>>().unwrap().into_inner().unwrap();
        assert_eq!(find_rejected(&inner).unwrap().kind(), RejectedKind::RateLimited);
        let boxed = BoxError::from(inner);
        assert!(boxed.verdict().was_sent(), "{boxed:?}");
    }
}
