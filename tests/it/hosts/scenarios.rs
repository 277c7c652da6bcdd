//! What every server has to stand, whichever host it is.

use std::net::SocketAddr;
use std::time::Duration;

use buttress::bulkhead::Queued;
use buttress::circuit_breaker::Window;
use buttress::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState,
    ServerStack, TimeoutLayer, server_stack,
};
use http::header::{CONNECTION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};
use tower::layer::util::Identity;

use super::app::App;
use super::caller::{Caller, Protocol};

/// What stands in front of the handlers: a breaker, and a stack that lets one call in and one wait.
pub type Guard = (CircuitBreakerLayer, ServerStack<TimeoutLayer, BulkheadLayer<Queued>, Identity>);

/// A kind of server.
pub trait Host {
    /// Serves until it is told to stop; ends when the last connection has ended.
    async fn serve(guard: Guard, app: App, stop: oneshot::Receiver<()>) -> (SocketAddr, JoinHandle<()>);
}

const HOUR: Duration = Duration::from_secs(3_600);

struct Scene {
    app: App,
    caller: Caller,
    breaker: CircuitBreaker,
    bulkhead: Bulkhead,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Scene {
    async fn of<H: Host>(protocol: Protocol) -> Self {
        let config = CircuitBreakerConfig::default()
            .window(Window::last_calls(10))
            .min_calls(10)
            .outage(None)
            .open_time(Duration::from_millis(20))
            .open_time_cap(Duration::from_millis(20))
            .cancelled_after(None);
        let breaker = CircuitBreakerLayer::new(config).name("secret-name");
        let bulkhead = BulkheadLayer::new(1).queue(1, HOUR);
        let stack =
            server_stack("secret-name").total_timeout(TimeoutLayer::new(HOUR)).bulkhead(bulkhead.clone());
        let (app, (stop, stopped)) = (App::new(), oneshot::channel());
        let handles = (breaker.breaker(), bulkhead.bulkhead());
        let (address, server) = H::serve((breaker, stack), app.clone(), stopped).await;
        let caller = Caller::new(protocol, address);
        Self { app, caller, breaker: handles.0, bulkhead: handles.1, stop: Some(stop), server }
    }

    /// One call in the handler, and one that waits.
    async fn full(&self) -> [JoinHandle<StatusCode>; 2] {
        let inside = self.caller.spawn_get("/gate");
        self.app.gate.entered(1).await;
        let waiting = self.caller.spawn_get("/gate");
        while self.bulkhead.snapshot().waiting < 1 {
            yield_now().await;
        }
        [inside, waiting]
    }

    fn assert_nothing_is_held(&self) {
        let (bulkhead, breaker) = (self.bulkhead.snapshot(), self.breaker.snapshot());
        assert_eq!((bulkhead.in_flight, bulkhead.waiting), (0, 0), "{bulkhead:?}");
        assert_eq!(breaker.in_flight, 0, "{breaker:?}");
        assert_eq!(self.app.gate.inside(), 0);
    }
}

fn assert_refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let wait: u64 = headers[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=4).contains(&wait), "{headers:?}");
    assert!(!headers.contains_key(CONNECTION), "the connection is given up: {headers:?}");
    assert!(body.is_empty() && !format!("{headers:?}").contains("secret-name"), "internals on the wire");
}

pub async fn errors_trip_the_breaker_and_it_recovers<H: Host>(protocol: Protocol) {
    let scene = Scene::of::<H>(protocol).await;
    let Scene { app, caller, breaker, .. } = &scene;
    app.set_broken(true);
    for _ in 0..10 {
        assert_eq!(caller.get("/").await, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert!(breaker.snapshot().opened >= 1);
    // It stays broken until a call is refused; those let through before that are trial calls.
    let (status, headers, body) = loop {
        let answer = caller.fetch(caller.request("/")).await;
        if answer.0 != StatusCode::INTERNAL_SERVER_ERROR {
            break answer;
        }
    };
    assert_refusal(status, &headers, &body);
    let rejected = breaker.snapshot().rejected;
    assert_eq!(app.calls() as u64, breaker.snapshot().calls - rejected, "a refused call reached the handler");

    app.set_broken(false);
    while breaker.state() != CircuitState::Closed {
        let status = caller.get("/").await;
        assert!([StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE].contains(&status), "{status}");
    }
    assert_eq!(caller.get("/").await, StatusCode::OK);
    scene.assert_nothing_is_held();
    if protocol == Protocol::Http2 {
        assert_eq!(caller.connections(), 1);
    }
}

pub async fn overload_is_refused_and_the_connection_lives_on<H: Host>(protocol: Protocol) {
    let scene = Scene::of::<H>(protocol).await;
    let Scene { app, caller, bulkhead, .. } = &scene;
    let calls = scene.full().await;
    for _ in 0..3 {
        let (status, headers, body) = caller.fetch(caller.request("/")).await;
        assert_refusal(status, &headers, &body);
    }
    app.gate.open(2);
    for call in calls {
        assert_eq!(call.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(caller.get("/").await, StatusCode::OK);
    let counts = bulkhead.snapshot();
    assert_eq!((counts.admitted, counts.rejected, app.gate.peak()), (3, 3, 1), "{counts:?}");
    scene.assert_nothing_is_held();
    if protocol == Protocol::Http2 {
        assert_eq!(caller.connections(), 1);
    }
}

/// HTTP/1.1 closes the connection for it, HTTP/2 resets the stream.
pub async fn a_cancelled_call_frees_its_place<H: Host>(protocol: Protocol) {
    let scene = Scene::of::<H>(protocol).await;
    let Scene { app, caller, bulkhead, .. } = &scene;
    let [inside, waiting] = scene.full().await;
    waiting.abort();
    while bulkhead.snapshot().waiting > 0 {
        yield_now().await;
    }
    // The other call on the same connection knows nothing of it.
    assert_eq!((bulkhead.snapshot().in_flight, app.gate.inside()), (1, 1));
    inside.abort();
    while bulkhead.snapshot().in_flight > 0 {
        yield_now().await;
    }
    assert_eq!(caller.get("/").await, StatusCode::OK);
    let (counts, breaker) = (bulkhead.snapshot(), scene.breaker.snapshot());
    assert_eq!((counts.completed, breaker.cancelled), (1, 2), "{counts:?}, {breaker:?}");
    scene.assert_nothing_is_held();
    if protocol == Protocol::Http2 {
        assert_eq!(caller.connections(), 1);
    }
}

/// Nobody catches the panic, so this call has no answer. All others have.
pub async fn a_panicking_handler_takes_nothing_with_it<H: Host>(protocol: Protocol) {
    let scene = Scene::of::<H>(protocol).await;
    let Scene { caller, bulkhead, breaker, .. } = &scene;
    for _ in 0..3 {
        caller.try_get("/panic").await.unwrap_err();
        assert_eq!(caller.get("/").await, StatusCode::OK);
    }
    let (counts, breaker) = (bulkhead.snapshot(), breaker.snapshot());
    assert_eq!((counts.admitted, counts.panicked, counts.completed), (6, 3, 3), "{counts:?}");
    assert_eq!((breaker.panicked, breaker.succeeded), (3, 3), "{breaker:?}");
    scene.assert_nothing_is_held();
    if protocol == Protocol::Http2 {
        assert_eq!(caller.connections(), 1);
    }
}

pub async fn a_shutdown_answers_calls_in_flight_and_those_that_wait<H: Host>(protocol: Protocol) {
    let mut scene = Scene::of::<H>(protocol).await;
    let calls = scene.full().await;
    scene.stop.take().unwrap().send(()).unwrap();
    // It no longer listens, and still works.
    while Caller::new(protocol, scene.caller.address).try_get("/").await.is_ok() {
        yield_now().await;
    }
    let counts = scene.bulkhead.snapshot();
    assert_eq!((counts.in_flight, counts.waiting, scene.server.is_finished()), (1, 1, false));
    scene.app.gate.open(2);
    for call in calls {
        assert_eq!(call.await.unwrap(), StatusCode::OK);
    }
    (&mut scene.server).await.unwrap();
    scene.assert_nothing_is_held();
}

/// The scenarios as tests.
macro_rules! scenarios {
    ($host:ty) => {
        scenarios!(@on http1, Http1, $host);
        scenarios!(@on http2, Http2, $host);
    };
    (@on $module:ident, $protocol:ident, $host:ty) => {
        mod $module {
            use crate::hosts::caller::Protocol::$protocol;
            use crate::hosts::{scenarios as s, within_a_minute};

            #[tokio::test]
            async fn errors_trip_the_breaker_and_it_recovers() {
                within_a_minute(s::errors_trip_the_breaker_and_it_recovers::<$host>($protocol)).await;
            }
            #[tokio::test]
            async fn overload_is_refused_and_the_connection_lives_on() {
                within_a_minute(s::overload_is_refused_and_the_connection_lives_on::<$host>($protocol)).await;
            }
            #[tokio::test]
            async fn a_cancelled_call_frees_its_place() {
                within_a_minute(s::a_cancelled_call_frees_its_place::<$host>($protocol)).await;
            }
            #[tokio::test]
            async fn a_panicking_handler_takes_nothing_with_it() {
                within_a_minute(s::a_panicking_handler_takes_nothing_with_it::<$host>($protocol)).await;
            }
            #[tokio::test]
            async fn a_shutdown_answers_calls_in_flight_and_those_that_wait() {
                within_a_minute(s::a_shutdown_answers_calls_in_flight_and_those_that_wait::<$host>($protocol)).await;
            }
        }
    };
}

pub(crate) use scenarios;
