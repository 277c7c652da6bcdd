//! The whole stack around a client.

use std::time::Duration;

use buttress::http::PropagateLayer;
use buttress::{
    Answer, BoxError, BulkheadLayer, CallError, CircuitBreakerLayer, CircuitState, Outcome, RejectedKind,
    client_stack, server_stack,
};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tower::ServiceBuilder;

use super::support::{BOTH, Error, Scripted, Version, fast_retry, quick, request, stack};
use crate::http::support::serve;
use crate::support::{call_with, nobody_there};

#[tokio::test]
async fn the_breaker_opens_and_recovers() {
    for version in BOTH {
        let (server, address) = Scripted::serve().await;
        let breaker = CircuitBreakerLayer::new(quick().open_time(Duration::from_millis(1)));
        let stack = stack().circuit_breaker(breaker);
        let breaker = stack.circuit_breaker.breaker();
        let mut client =
            ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(version.client());
        for status in [500, 502, 503, 504, 599].repeat(2) {
            let failed = request(Method::POST, address, &format!("/{status}"));
            assert_eq!(call_with(&mut client, failed).await.unwrap().status(), status);
        }
        let counts = breaker.snapshot();
        assert_eq!((counts.failed, counts.opened, server.count()), (10, 1, 10), "{version:?} {counts:?}");

        // Refused until it has been open for long enough, and then three trial calls close it.
        while breaker.state() != CircuitState::Closed {
            match call_with(&mut client, request(Method::POST, address, "/200")).await {
                Ok(response) => assert_eq!(response.status(), StatusCode::OK),
                Err(error) => assert_eq!(error.rejected().unwrap().kind(), RejectedKind::CircuitOpen),
            }
        }
        assert_eq!(server.count(), 13, "{version:?}");
        assert!(server.seen().iter().all(|seen| seen.version == version.of_requests()), "{version:?}");
    }
}

#[tokio::test]
async fn statuses_that_say_nothing_against_the_server_keep_the_breaker_closed() {
    let (_, address) = Scripted::serve().await;
    let stack = client_stack("upstream").without_retry().circuit_breaker(CircuitBreakerLayer::new(quick()));
    let breaker = stack.circuit_breaker.breaker();
    let mut client =
        ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(Version::Http2.client());
    for status in [200, 204, 400, 404, 501, 505, 429, 408, 425] {
        let response = call_with(&mut client, request(Method::GET, address, &format!("/{status}"))).await;
        assert_eq!(response.unwrap().status(), status);
    }
    let counts = breaker.snapshot();
    assert_eq!(
        (counts.succeeded, counts.throttled, counts.ignored, counts.failed),
        (6, 1, 2, 0),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_full_bulkhead_refuses_what_is_not_sent() {
    for version in BOTH {
        let (server, address) = Scripted::serve().await;
        let stack = stack().bulkhead(BulkheadLayer::new(1));
        let (breaker, retry) = (stack.circuit_breaker.breaker(), stack.retry.retry());
        let client = ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(version.client());
        let held = tokio::spawn(client.clone().oneshot(request(Method::GET, address, "/gate")));
        server.gate.entered(1).await;
        let error: Error = client.clone().oneshot(request(Method::GET, address, "/200")).await.unwrap_err();
        let rejected = error.rejected().unwrap();
        assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::BulkheadFull, false));
        assert_eq!((server.count(), retry.snapshot().retries), (1, 0), "{version:?}");
        server.gate.open(1);
        assert_eq!(held.await.unwrap().unwrap().status(), StatusCode::OK);
        let counts = breaker.snapshot();
        assert_eq!((counts.succeeded, counts.ignored, counts.failed), (1, 1, 0), "{version:?} {counts:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_full_is_heard_with_its_retry_after() {
    for version in BOTH {
        let server = Scripted::new();
        let overloaded = server_stack("server").bulkhead(BulkheadLayer::new(1));
        let address = serve(server.router().layer(overloaded)).await;
        let client = ServiceBuilder::new()
            .layer(client_stack("upstream").without_retry())
            .map_err(CallError::Inner)
            .service(version.client());
        let held = tokio::spawn(client.clone().oneshot(request(Method::GET, address, "/gate")));
        server.gate.entered(1).await;
        let refused = client.clone().oneshot(request(Method::GET, address, "/200")).await.unwrap();
        assert_eq!((refused.status(), server.count()), (StatusCode::SERVICE_UNAVAILABLE, 1));
        let verdict = refused.verdict();
        assert_eq!((verdict.outcome(), verdict.may_repeat()), (Outcome::Failure, true));
        assert!(verdict.retry_after() >= Some(Duration::from_secs(1)), "{version:?} {verdict:?}");
        server.gate.open(1);
        held.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_frees_its_permit_and_the_server() {
    for version in BOTH {
        let (server, address) = Scripted::serve().await;
        let stack = stack().bulkhead(BulkheadLayer::new(1));
        let bulkhead = stack.bulkhead.bulkhead();
        let client = ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(version.client());
        let call = tokio::spawn(client.clone().oneshot(request(Method::GET, address, "/gate")));
        server.gate.entered(1).await;
        assert_eq!(bulkhead.snapshot().in_flight, 1);
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        let counts = bulkhead.snapshot();
        assert_eq!((counts.in_flight, counts.cancelled), (0, 1), "{version:?}");
        // The connection is closed, or the stream is reset.
        while server.gate.inside() > 0 {
            yield_now().await;
        }
        client.oneshot(request(Method::GET, address, "/200")).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_panics_fails_the_call_alone() {
    for version in BOTH {
        let (server, address) = Scripted::serve().await;
        let stack = stack();
        let (breaker, bulkhead) = (stack.circuit_breaker.breaker(), stack.bulkhead.bulkhead());
        let mut client =
            ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(version.client());
        for (method, attempts) in [(Method::GET, 3), (Method::POST, 1)] {
            let before = server.count();
            let error = call_with(&mut client, request(method, address, "/panic")).await.unwrap_err();
            let error = error.into_inner().unwrap();
            assert!(error.is_request() && !error.is_connect(), "{version:?} {error:?}");
            assert_eq!(server.count() - before, attempts, "{version:?} {error:?}");
        }
        let counts = breaker.snapshot();
        assert_eq!((counts.failed, counts.causes.count("reset")), (4, 4), "{version:?} {counts:?}");
        call_with(&mut client, request(Method::GET, address, "/200")).await.unwrap();
        assert_eq!(bulkhead.snapshot().in_flight, 0);
    }
}

#[tokio::test]
async fn a_call_in_flight_outlives_the_shutdown_of_its_server() {
    for version in BOTH {
        let server = Scripted::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, server.router());
        let serving = serving.with_graceful_shutdown(async { drop(stopped.await) });
        let serving = tokio::spawn(serving.into_future());

        let stack = stack();
        let breaker = stack.circuit_breaker.breaker();
        let client = ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(version.client());
        let call = tokio::spawn(client.clone().oneshot(request(Method::GET, address, "/gate")));
        server.gate.entered(1).await;
        stop.send(()).unwrap();
        // It no longer listens, and still works.
        while version.client().execute(request(Method::GET, address, "/200")).await.is_ok() {
            yield_now().await;
        }
        assert!(!serving.is_finished());
        server.gate.open(1);
        assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
        serving.await.unwrap().unwrap();

        let error = client.oneshot(request(Method::POST, address, "/200")).await.unwrap_err();
        assert!(error.into_inner().unwrap().is_connect());
        let counts = breaker.snapshot();
        assert_eq!((counts.succeeded, counts.causes.count("connect")), (1, 1), "{version:?} {counts:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_sent_once() {
    let bytes = Bytes::from_static(b"seven bytes and some more");
    for version in BOTH {
        let (server, address) = Scripted::serve().await;
        let mut client =
            ServiceBuilder::new().layer(stack()).map_err(CallError::Inner).service(version.client());
        let mut put = request(Method::PUT, address, "/503");
        *put.body_mut() = Some(bytes.clone().into());
        call_with(&mut client, put).await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 3, "bytes are copied");
        assert!(seen.iter().all(|seen| seen.body == bytes && seen.method == Method::PUT));

        let mut stream = request(Method::PUT, address, "/503");
        *stream.body_mut() = Some(reqwest::Body::wrap(Full::new(bytes.clone())));
        let answer = call_with(&mut client, stream).await.unwrap();
        let seen = server.seen().split_off(3);
        assert_eq!((answer.status(), seen.len()), (StatusCode::SERVICE_UNAVAILABLE, 1), "{version:?}");
        assert_eq!(seen[0].body, bytes);
    }
}

#[tokio::test]
async fn an_order_is_repeated_only_with_a_key_which_stays_the_same() {
    let (server, address) = Scripted::serve().await;
    let mut client =
        ServiceBuilder::new().layer(stack()).map_err(CallError::Inner).service(Version::Http1.client());
    call_with(&mut client, request(Method::POST, address, "/503")).await.unwrap();
    assert_eq!(server.count(), 1);
    let mut keyed = request(Method::POST, address, "/503");
    keyed.headers_mut().insert("idempotency-key", "\"7\"".parse().unwrap());
    call_with(&mut client, keyed).await.unwrap();
    let seen = server.seen().split_off(1);
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.headers["idempotency-key"] == "\"7\""));
}

#[tokio::test]
async fn the_servers_are_told_of_attempts_and_of_the_time_that_is_left() {
    let (server, address) = Scripted::serve().await;
    let mut client = ServiceBuilder::new()
        .layer(stack())
        .layer(PropagateLayer::new())
        .map_err(CallError::Inner)
        .service(Version::Http2.client());
    call_with(&mut client, request(Method::GET, address, "/503")).await.unwrap();
    let seen = server.seen();
    let told = |name| seen.iter().map(|seen| seen.headers.get(name)?.to_str().ok()).collect::<Vec<_>>();
    assert_eq!(told("previous-attempts"), [None, Some("1"), Some("2")]);
    let left = told("request-timeout-ms");
    assert!(left.iter().all(|left| (1..=1_000).contains(&left.unwrap().parse::<u64>().unwrap())), "{left:?}");
}

#[tokio::test]
async fn the_clients_own_error_survives_in_each_of_the_usual_types() {
    let nobody = nobody_there();
    let mut kept = ServiceBuilder::new()
        .layer(client_stack("upstream").retry(fast_retry()))
        .map_err(CallError::Inner)
        .service(Version::Http1.client());
    let error: Error = call_with(&mut kept, request(Method::GET, nobody, "/")).await.unwrap_err();
    let error: reqwest::Error = error.into_inner().unwrap();
    assert_eq!((error.is_connect(), error.url().unwrap().port()), (true, Some(nobody.port())));

    let stack = client_stack("upstream").retry(fast_retry());
    let breaker = stack.circuit_breaker.breaker();
    let mut boxed =
        ServiceBuilder::new().layer(stack).map_err(BoxError::from).service(reqwest::Client::new());
    let error = call_with(&mut boxed, request(Method::GET, nobody, "/")).await.unwrap_err();
    assert!(error.downcast_ref::<reqwest::Error>().unwrap().is_connect());
    breaker.isolate();
    let error = call_with(&mut boxed, request(Method::GET, nobody, "/")).await.unwrap_err();
    assert_eq!(buttress::find_rejected(&*error).unwrap().kind(), RejectedKind::CircuitOpen);
}
