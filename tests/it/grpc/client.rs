//! Layers around a tonic channel.

use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::grpc::{AsStatus, Grpc};
use buttress::{
    Backoff, BoxError, CallError, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, RejectedKind,
    Retry, RetryPolicy, TimeoutLayer, client_stack,
};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tonic_health::pb::health_client::HealthClient;
use tower::{Layer, ServiceBuilder};

use super::support::{Scripted, asking, bind, channel, plain, rejected, status};
use crate::support::nobody_there;

fn quick() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(10)
}

async fn served() -> (Scripted, Channel) {
    let (service, (incoming, address)) = (Scripted::new(), bind());
    tokio::spawn(Server::builder().add_service(service.server()).serve_with_incoming(incoming));
    (service, channel(address))
}

#[tokio::test]
async fn the_breaker_of_the_client_stack_opens_and_recovers() {
    let (service, channel) = served().await;
    let breaker = quick().open_time(Duration::from_millis(1));
    let stack = client_stack("health").circuit_breaker(CircuitBreakerLayer::new(breaker)).classify(Grpc);
    let breaker = stack.circuit_breaker.breaker();
    let mut client = HealthClient::new(ServiceBuilder::new().layer(stack).map_err(status).service(channel));
    for code in ["14", "4", "13", "2", "15"] {
        for _ in 0..2 {
            let failed = client.check(asking(code)).await.unwrap_err();
            assert_eq!(failed.code(), Code::from_bytes(code.as_bytes()));
        }
    }
    assert_eq!(service.calls(), 10, "what cannot be copied is sent once");
    let counts = breaker.snapshot();
    assert_eq!((counts.failed, counts.opened), (10, 1), "{counts:?}");

    // Refused until it has been open for long enough, and then three trial calls close it.
    let mut refused = 0;
    while breaker.state() != CircuitState::Closed {
        if let Err(error) = client.check(asking("")).await {
            assert_eq!(error.code(), Code::Unavailable);
            assert_eq!(rejected(&error).unwrap().kind(), RejectedKind::CircuitOpen);
            refused += 1;
        }
    }
    assert_eq!(service.calls(), 13, "{refused} were refused");
    client.check(asking("")).await.unwrap();
}

#[tokio::test]
async fn what_says_nothing_against_the_service_keeps_the_breaker_closed() {
    let (service, channel) = served().await;
    let layer = CircuitBreakerLayer::new(quick()).classify(Grpc);
    let breaker = layer.breaker();
    let mut client = HealthClient::new(ServiceBuilder::new().layer(layer).map_err(status).service(channel));
    for code in ["1", "3", "5", "6", "7", "8", "9", "10", "11", "12", "16"] {
        assert!(client.check(asking(code)).await.is_err(), "{code}");
    }
    let counts = breaker.snapshot();
    assert_eq!((counts.failed, counts.succeeded), (0, 9), "{counts:?}");
    assert_eq!((counts.throttled, counts.ignored, service.calls()), (1, 1, 11), "{counts:?}");
}

#[tokio::test]
async fn a_rejection_keeps_its_code_and_is_found_again() {
    let (_, channel) = served().await;
    let isolated = || {
        let layer = CircuitBreakerLayer::new(quick()).classify(Grpc).name("secret-name");
        layer.breaker().isolate();
        layer
    };
    let by_from = ServiceBuilder::new().layer(isolated()).map_err(status).service(channel.clone());
    let boxed = ServiceBuilder::new().layer(isolated().reject_as(AsStatus)).map_err(BoxError::from);
    let as_it_comes = ServiceBuilder::new().layer(isolated()).map_err(CallError::Inner);
    let statuses = [
        (HealthClient::new(by_from).check(asking("")).await, Code::Unavailable),
        (HealthClient::new(boxed.service(channel.clone())).check(asking("")).await, Code::Unavailable),
        // Tonic does not know what this error is, but we do.
        (HealthClient::new(as_it_comes.service(channel)).check(asking("")).await, Code::Unknown),
    ];
    for (result, code) in statuses {
        let error = result.unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
        assert_eq!(rejected(&error).unwrap().kind(), RejectedKind::CircuitOpen, "{error:?}");
        assert!(code == Code::Unknown || !error.message().contains("secret-name"), "it may go over the wire");
    }
}

#[tokio::test]
async fn a_call_that_hangs_is_cut_off_with_its_own_code() {
    let (_, channel) = served().await;
    let stack = client_stack("health").attempt_timeout(TimeoutLayer::new(Duration::from_millis(20)));
    let stack = stack.classify(Grpc).reject_as(AsStatus);
    let breaker = stack.circuit_breaker.breaker();
    let client = ServiceBuilder::new().layer(stack).map_err(BoxError::from).service(channel);
    let error = HealthClient::new(client).check(asking("hang")).await.unwrap_err();
    assert_eq!((error.code(), rejected(&error).unwrap().was_sent()), (Code::DeadlineExceeded, true));
    assert_eq!(breaker.snapshot().failed, 1);
}

#[tokio::test]
async fn a_whole_call_is_repeated_by_the_engine() {
    let (service, channel) = served().await;
    let policy = RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1)));
    let retry = Retry::new(policy);
    let client = HealthClient::new(channel);
    for (code, attempts) in [("14", 3), ("13", 1), ("5", 1), ("", 1)] {
        let before = service.calls();
        let check = || {
            let mut client = client.clone();
            async move { client.check(asking(code)).await }
        };
        assert_eq!(retry.run(check).await.is_ok(), code.is_empty());
        assert_eq!(service.calls() - before, attempts, "code {code}");
    }
}

#[tokio::test]
async fn an_open_circuit_answers_although_the_channel_never_becomes_ready() {
    let never = tower::service_fn(|_: http::Uri| std::future::pending::<Result<NoIo, BoxError>>());
    let channel = Endpoint::from_static("http://nowhere.invalid").buffer_size(1);
    let channel = channel.connect_with_connector_lazy(never);
    let layer = CircuitBreakerLayer::new(quick()).classify(Grpc);
    let breaker = layer.breaker();
    let guarded = ServiceBuilder::new().layer(layer).map_err(status).service(channel.clone());
    let mut waiting = tokio::task::JoinSet::new();
    let full = || tower::Service::poll_ready(&mut channel.clone(), &mut noop()).is_pending();
    while !full() {
        let mut client = HealthClient::new(channel.clone());
        waiting.spawn(async move { client.check(asking("")).await });
        tokio::task::yield_now().await;
    }
    breaker.isolate();
    let error = HealthClient::new(guarded).check(asking("")).await.unwrap_err();
    assert_eq!(rejected(&error).unwrap().kind(), RejectedKind::CircuitOpen);
}

pub type NoIo = hyper_util::rt::TokioIo<tokio::net::TcpStream>;

fn noop() -> std::task::Context<'static> {
    std::task::Context::from_waker(std::task::Waker::noop())
}

#[tokio::test]
async fn a_server_that_is_not_there_counts_and_one_that_dies_in_a_call_does() {
    let layer = CircuitBreakerLayer::new(quick()).classify(Grpc);
    let breaker = layer.breaker();
    let mut nobody = HealthClient::new(
        ServiceBuilder::new().layer(layer.clone()).map_err(status).service(channel(nobody_there())),
    );
    assert_eq!(nobody.check(asking("")).await.unwrap_err().code(), Code::Unavailable);

    let (service, (incoming, address)) = (Scripted::new(), bind());
    let server = tokio::spawn(Server::builder().add_service(service.server()).serve_with_incoming(incoming));
    let mut client =
        HealthClient::new(ServiceBuilder::new().layer(layer).map_err(status).service(channel(address)));
    let panicked = client.check(asking("panic")).await.unwrap_err();
    let counts = breaker.snapshot();
    assert_eq!((counts.failed, counts.ignored), (2, 0), "{panicked:?} {counts:?}");
    // The connection is none the worse for it.
    client.check(asking("")).await.unwrap();
    server.abort();
    plain(address).check(asking("")).await.unwrap_err();
}

#[tokio::test]
async fn a_stream_passes_through_and_its_end_is_the_callers() {
    let (_, channel) = served().await;
    let stack = client_stack("health").classify(Grpc);
    let breaker = stack.circuit_breaker.breaker();
    let mut client = HealthClient::new(ServiceBuilder::new().layer(stack).map_err(status).service(channel));
    for (code, expected) in [("0", Code::Ok), ("14", Code::Unavailable)] {
        let mut stream = client.watch(asking(code)).await.unwrap().into_inner();
        for _ in 0..3 {
            assert_eq!(stream.message().await.unwrap().unwrap().status, 1);
        }
        let end = stream.message().await;
        assert_eq!(
            end.map_or_else(|status| status.code(), |end| end.map_or(Code::Ok, |_| panic!())),
            expected
        );
    }
    assert_eq!(breaker.snapshot().succeeded, 2, "by default a call is over when its answer begins");
}

#[tokio::test]
async fn the_same_layers_take_any_of_the_usual_errors() {
    let (_, channel) = served().await;
    fn checks<S>(_: HealthClient<S>) {}
    let layer = TimeoutLayer::new(Duration::from_secs(1));
    checks(HealthClient::new(layer.layer(ServiceBuilder::new().map_err(status).service(channel.clone()))));
    checks(HealthClient::new(
        layer.layer(ServiceBuilder::new().map_err(CallError::Inner).service(channel.clone())),
    ));
    let boxed = ServiceBuilder::new().map_err(BoxError::from).service(channel);
    checks(HealthClient::new(client_stack("health").classify(Grpc).layer(boxed)));
    let _: fn(buttress::Rejected) -> Status = Status::from;
}
