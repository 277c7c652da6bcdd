//! hyper-util's legacy client inside of the whole stack, against a server that misbehaves.

use std::net::SocketAddr;
use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::{
    Backoff, BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, ClientStack,
    Fault, RejectedKind, RetryLayer, RetryPolicy, TimeoutLayer, client_stack,
};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;

use super::app::App;
use super::axum::router;
use super::caller::{Caller, Protocol};
use super::within_a_minute;
use crate::http::support::serve;
use crate::support::call_with;

const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

/// What a call of the guarded client comes to: the client's own error is still there.
type Answer = Result<StatusCode, CallError<Error>>;

#[derive(Clone)]
struct Guarded {
    stack: ClientStack,
    service: BoxCloneSyncService<Request<Full<Bytes>>, Response<Incoming>, CallError<Error>>,
    caller: Caller,
}

impl Guarded {
    fn new(protocol: Protocol, address: SocketAddr) -> Self {
        let config = CircuitBreakerConfig::default()
            .window(Window::last_calls(10))
            .min_calls(10)
            .outage(None)
            .open_time(Duration::from_millis(20))
            .open_time_cap(Duration::from_millis(20))
            .cancelled_after(None);
        // Timeouts are for servers that hang, and not for a machine that is busy.
        let long = || TimeoutLayer::new(Duration::from_secs(3_600));
        let policy = RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1)));
        let stack = client_stack("upstream")
            .total_timeout(long())
            .retry(RetryLayer::new(policy))
            .circuit_breaker(CircuitBreakerLayer::new(config))
            .bulkhead(BulkheadLayer::new(1))
            .attempt_timeout(long());
        let caller = Caller::new(protocol, address);
        let client = ServiceBuilder::new()
            .layer(stack.clone())
            .map_err(CallError::Inner)
            .service(caller.client.clone());
        Self { stack, service: BoxCloneSyncService::new(client), caller }
    }

    async fn send(&self, method: Method, path: &str) -> Answer {
        let mut request = self.caller.request(path);
        *request.method_mut() = method;
        Ok(call_with(&mut self.service.clone(), request).await?.status())
    }

    fn spawn(&self, path: &'static str) -> JoinHandle<Answer> {
        let client = self.clone();
        tokio::spawn(async move { client.send(Method::GET, path).await })
    }

    fn attempts(&self) -> u64 {
        self.stack.retry.retry().snapshot().attempts
    }

    fn in_flight(&self) -> u64 {
        self.stack.bulkhead.bulkhead().snapshot().in_flight
    }

    fn assert_nothing_is_held(&self) {
        let breaker = self.stack.circuit_breaker.breaker().snapshot();
        assert_eq!((self.in_flight(), breaker.in_flight), (0, 0), "{breaker:?}");
    }
}

fn rejected(answer: Answer) -> RejectedKind {
    let error = answer.unwrap_err();
    let rejected = *error.rejected().unwrap();
    assert!(!rejected.was_sent());
    rejected.kind()
}

#[tokio::test]
async fn errors_trip_the_breaker_and_it_recovers() {
    for protocol in BOTH {
        within_a_minute(async {
            let app = App::new();
            let client = Guarded::new(protocol, serve(router(app.clone())).await);
            let breaker = client.stack.circuit_breaker.breaker();
            app.set_broken(true);
            while breaker.snapshot().opened == 0 {
                assert_eq!(client.send(Method::GET, "/").await.unwrap(), StatusCode::INTERNAL_SERVER_ERROR);
            }
            assert_eq!(app.calls(), 10);
            // It stays broken until a call is refused; those let through before that are trial calls.
            let refused = loop {
                match client.send(Method::GET, "/").await {
                    Ok(status) => assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR),
                    refused => break refused,
                }
            };
            assert_eq!(rejected(refused), RejectedKind::CircuitOpen);
            assert_eq!(app.calls() as u64, breaker.snapshot().admitted, "a refused call reached the server");
            app.set_broken(false);
            while breaker.state() != CircuitState::Closed {
                match client.send(Method::GET, "/").await {
                    Ok(status) => assert_eq!(status, StatusCode::OK),
                    refused => assert_eq!(rejected(refused), RejectedKind::CircuitOpen),
                }
            }
            client.assert_nothing_is_held();
        })
        .await;
    }
}

#[tokio::test]
async fn overload_is_refused_without_a_request() {
    for protocol in BOTH {
        within_a_minute(async {
            let app = App::new();
            let client = Guarded::new(protocol, serve(router(app.clone())).await);
            let inside = client.spawn("/gate");
            app.gate.entered(1).await;
            assert_eq!(rejected(client.send(Method::GET, "/").await), RejectedKind::BulkheadFull);
            assert_eq!((app.calls(), client.attempts()), (1, 2));
            app.gate.open(1);
            assert_eq!(inside.await.unwrap().unwrap(), StatusCode::OK);
            assert_eq!(client.send(Method::GET, "/").await.unwrap(), StatusCode::OK);
            client.assert_nothing_is_held();
        })
        .await;
    }
}

#[tokio::test]
async fn a_cancelled_call_frees_its_place_here_and_there() {
    for protocol in BOTH {
        within_a_minute(async {
            let app = App::new();
            let client = Guarded::new(protocol, serve(router(app.clone())).await);
            let inside = client.spawn("/gate");
            app.gate.entered(1).await;
            inside.abort();
            inside.await.unwrap_err();
            client.assert_nothing_is_held();
            while app.gate.inside() > 0 {
                yield_now().await;
            }
            assert_eq!(client.send(Method::GET, "/").await.unwrap(), StatusCode::OK);
            let counts = client.stack.circuit_breaker.breaker().snapshot();
            assert_eq!((counts.cancelled, counts.succeeded), (1, 1), "{counts:?}");
            // HTTP/1.1 can only hang up.
            assert_eq!(client.caller.connections(), if protocol == Protocol::Http2 { 1 } else { 2 });
        })
        .await;
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_a_failure_and_only_what_may_be_repeated_is() {
    for protocol in BOTH {
        within_a_minute(async {
            for (method, attempts) in [(Method::GET, 3), (Method::POST, 1)] {
                let app = App::new();
                let client = Guarded::new(protocol, serve(router(app.clone())).await);
                let error = client.send(method.clone(), "/panic").await.unwrap_err();
                let verdict = error.verdict();
                assert_eq!((verdict.cause(), verdict.was_sent()), ("reset", true), "{protocol:?}: {error:?}");
                assert!(!error.into_inner().unwrap().is_connect());
                assert_eq!(
                    (app.calls() as u64, client.attempts()),
                    (attempts, attempts),
                    "{protocol:?} {method}"
                );
                let counts = client.stack.circuit_breaker.breaker().snapshot();
                assert_eq!((counts.failed, counts.panicked), (attempts, 0), "{counts:?}");
                assert_eq!(client.send(method, "/").await.unwrap(), StatusCode::OK);
                client.assert_nothing_is_held();
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_server_that_shuts_down_answers_what_it_took_and_nothing_else_was_sent() {
    for protocol in BOTH {
        within_a_minute(async {
            let (app, (stop, stopped)) = (App::new(), oneshot::channel::<()>());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = axum::serve(listener, router(app.clone()));
            let server = server.with_graceful_shutdown(async { drop(stopped.await) }).into_future();
            let server = tokio::spawn(server);
            let client = Guarded::new(protocol, address);
            client.stack.bulkhead.bulkhead().set_limit(2).unwrap();
            let inside = client.spawn("/gate");
            app.gate.entered(1).await;
            stop.send(()).unwrap();
            while Caller::new(protocol, address).try_get("/").await.is_ok() {
                yield_now().await;
            }
            let calls = app.calls();
            let error = client.send(Method::POST, "/").await.unwrap_err();
            assert!(error.verdict().may_repeat() && !error.verdict().was_sent(), "{protocol:?}: {error:?}");
            assert!(error.into_inner().unwrap().is_connect());
            assert_eq!((app.calls(), client.attempts()), (calls, 4), "three of an order that never left");
            app.gate.open(1);
            assert_eq!(inside.await.unwrap().unwrap(), StatusCode::OK);
            server.await.unwrap().unwrap();
            client.assert_nothing_is_held();
        })
        .await;
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_in_place_of_an_answer_is_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            assert!(connection.read(&mut [0; 1_024]).await.unwrap() > 0);
        }
    });
    for (method, attempts) in [(Method::GET, 3), (Method::POST, 1)] {
        let client = Guarded::new(Protocol::Http1, address);
        let error = client.send(method, "/").await.unwrap_err();
        assert_eq!((error.verdict().cause(), error.verdict().was_sent()), ("reset", true), "{error:?}");
        assert_eq!(client.attempts(), attempts);
        client.assert_nothing_is_held();
    }
}
