//! Deadlines and attempt numbers that travel with requests.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get as on_get;
use buttress::http::{DeadlineHeader, InheritDeadlineLayer, PropagateLayer, RefuseRepeatsLayer};
use buttress::{
    Backoff, BoxError, Bulkhead, BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer,
    CircuitState, Convert, Jitter, OnReject, Quota, RateLimitLayer, Rejected, RejectedKind, RetryLayer,
    RetryPolicy, TimeoutLayer, client_stack, deadline, server_stack,
};
use bytes::Bytes;
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::sleep;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use super::support::{client, serve};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

type Seen = Arc<Mutex<Vec<HeaderMap>>>;

/// Notes the headers of each request and answers with 503 after 50 ms.
fn failing(
    seen: &Seen,
) -> impl Service<Request<()>, Response = Response<()>, Error = BoxError, Future: Send> + Clone + use<> {
    let seen = Arc::clone(seen);
    service_fn(move |request: Request<()>| {
        seen.lock().unwrap().push(request.headers().clone());
        async {
            sleep(50 * MS).await;
            Ok(Response::builder().status(503).body(()).unwrap())
        }
    })
}

fn told(seen: &Seen, name: &str) -> Vec<String> {
    let seen = seen.lock().unwrap();
    let text =
        |headers: &HeaderMap| headers.get(name).map_or("-".into(), |value| value.to_str().unwrap().into());
    seen.iter().map(text).collect()
}

fn request(headers: &[(&str, &str)]) -> Request<()> {
    let builder =
        headers.iter().fold(Request::builder(), |builder, (name, value)| builder.header(*name, *value));
    builder.body(()).unwrap()
}

/// Repeats after 100 ms, within a second.
async fn three_attempts(layer: PropagateLayer, request: Request<()>) -> Seen {
    let seen = Seen::default();
    let policy = RetryPolicy::default().backoff(Backoff::constant(100 * MS)).jitter(Jitter::None);
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(1_000 * MS))
        .layer(RetryLayer::new(policy))
        .layer(layer)
        .service(failing(&seen));
    stack.oneshot(request).await.unwrap();
    seen
}

#[tokio::test(start_paused = true)]
async fn each_attempt_tells_the_time_left_and_the_attempts_before() {
    let seen = three_attempts(PropagateLayer::new(), request(&[])).await;
    assert_eq!(told(&seen, "request-timeout-ms"), ["1000", "850", "700"]);
    assert_eq!(told(&seen, "previous-attempts"), ["-", "1", "2"]);
    assert_eq!(told(&seen, "grpc-timeout"), ["-", "-", "-"]);
}

#[tokio::test(start_paused = true)]
async fn grpc_is_told_in_its_own_headers() {
    let call = request(&[("content-type", "application/grpc")]);
    let seen = three_attempts(PropagateLayer::new(), call).await;
    assert_eq!(told(&seen, "grpc-timeout"), ["1000000u", "850000u", "700000u"]);
    assert_eq!(told(&seen, "grpc-previous-rpc-attempts"), ["-", "1", "2"]);
    assert_eq!(told(&seen, "request-timeout-ms"), ["-", "-", "-"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_that_is_told_already_is_never_made_longer() {
    let call = request(&[("request-timeout-ms", "800"), ("previous-attempts", "1")]);
    let seen = three_attempts(PropagateLayer::new(), call).await;
    assert_eq!(told(&seen, "request-timeout-ms"), ["800", "800", "700"]);
    assert_eq!(told(&seen, "previous-attempts"), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn the_header_and_its_unit_can_be_chosen() {
    let header = DeadlineHeader::seconds(HeaderName::from_static("x-timeout"));
    let seen = three_attempts(PropagateLayer::new().deadline_header(header), request(&[])).await;
    assert_eq!(told(&seen, "x-timeout"), ["1.000", "0.850", "0.700"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_nothing_is_told() {
    let seen = Seen::default();
    PropagateLayer::new().layer(failing(&seen)).call(request(&[])).await.unwrap();
    assert!(seen.lock().unwrap()[0].is_empty());
}

/// The deadline that a handler finds, or the status.
async fn inherited(
    layer: &InheritDeadlineLayer,
    request: Request<()>,
) -> Result<Option<Duration>, StatusCode> {
    let found = Arc::new(Mutex::new(None));
    let handler = {
        let found = Arc::clone(&found);
        service_fn(move |_: Request<()>| {
            // In `call`, and when the future is polled.
            let at_once = deadline::current().map(deadline::Deadline::remaining);
            let found = Arc::clone(&found);
            async move {
                tokio::task::yield_now().await;
                assert_eq!(deadline::current().map(deadline::Deadline::remaining), at_once);
                *found.lock().unwrap() = Some(at_once);
                Ok::<_, Infallible>(Response::new(()))
            }
        })
    };
    let response = layer.layer(handler).oneshot(request).await.unwrap();
    found.lock().unwrap().take().ok_or(response.status())
}

#[tokio::test(start_paused = true)]
async fn the_least_time_that_is_told_becomes_the_deadline() {
    let layer = InheritDeadlineLayer::new();
    for (headers, expected) in [
        (vec![], None),
        (vec![("request-timeout-ms", "250")], Some(250 * MS)),
        (vec![("grpc-timeout", "2S")], Some(2_000 * MS)),
        (vec![("x-envoy-expected-rq-timeout-ms", "15000")], Some(15_000 * MS)),
        (vec![("request-timeout-ms", "250"), ("x-envoy-expected-rq-timeout-ms", "100")], Some(100 * MS)),
        (vec![("request-timeout-ms", "soon"), ("grpc-timeout", "-1S")], None),
        (vec![("request-timeout-ms", "99999999999999999999999999")], None),
    ] {
        assert_eq!(inherited(&layer, request(&headers)).await, Ok(expected), "{headers:?}");
    }
    assert_eq!(layer.expired(), 0);
    let header = DeadlineHeader::seconds(HeaderName::from_static("x-timeout"));
    let layer = layer.headers([header]);
    let call = request(&[("x-timeout", "0.2"), ("request-timeout-ms", "100")]);
    assert_eq!(inherited(&layer, call).await, Ok(Some(200 * MS)));
    // An earlier deadline of the server itself stays in force.
    let outer = deadline::Deadline::after(20 * MS);
    let inside = deadline::scope(Some(outer), inherited(&layer, request(&[("x-timeout", "1")])));
    assert_eq!(inside.await, Ok(Some(20 * MS)));
}

#[tokio::test(start_paused = true)]
async fn what_comes_too_late_is_refused_before_it_is_begun() {
    let layer = InheritDeadlineLayer::new();
    for headers in [("request-timeout-ms", "0"), ("grpc-timeout", "0m")] {
        assert_eq!(inherited(&layer, request(&[headers])).await, Err(StatusCode::GATEWAY_TIMEOUT));
    }
    let passed = deadline::Deadline::after(Duration::ZERO);
    let inside = deadline::scope(Some(passed), inherited(&layer, request(&[])));
    assert_eq!(inside.await, Err(StatusCode::GATEWAY_TIMEOUT));
    assert_eq!(layer.expired(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_time_too_short_for_any_answer_is_raised_to_the_least() {
    let layer = InheritDeadlineLayer::new().at_least(100 * MS).reject_as(Convert);
    for (told, expected) in [("1", 100), ("99", 100), ("101", 101)] {
        assert_eq!(
            inherited(&layer, request(&[("request-timeout-ms", told)])).await,
            Ok(Some(expected * MS))
        );
    }
    assert_eq!(inherited(&layer, request(&[])).await, Ok(None), "it makes no deadline");
    let none_left = request(&[("request-timeout-ms", "0")]);
    assert_eq!(inherited(&layer, none_left).await, Err(StatusCode::GATEWAY_TIMEOUT));
    let outer = deadline::Deadline::after(20 * MS);
    let inside = deadline::scope(Some(outer), inherited(&layer, request(&[("request-timeout-ms", "1")])));
    assert_eq!(inside.await, Ok(Some(20 * MS)), "that of the server itself stays in force");
}

/// A server whose dependency hangs behind a time-out of a second and a breaker, and a caller that tells 1 ms.
#[tokio::test(start_paused = true)]
async fn callers_that_tell_too_short_a_time_do_not_keep_a_breaker_closed() {
    // On this clock nothing comes before the time-out, so as long as that is just enough.
    for (at_least, opens) in [(0, false), (999, false), (1_000, true), (2_000, true)] {
        let layer = InheritDeadlineLayer::new().at_least(at_least * MS);
        let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
        let service = ServiceBuilder::new()
            .layer(layer)
            .layer(breaker.clone())
            .layer(TimeoutLayer::new(1_000 * MS))
            .service(service_fn(|_: Request<()>| std::future::pending::<Result<Response<()>, Infallible>>()));
        for _ in 0..20 {
            let call = service.clone().oneshot(request(&[("request-timeout-ms", "1")]));
            assert_ne!(call.await.unwrap().status(), StatusCode::OK);
        }
        assert_eq!(breaker.breaker().state() == CircuitState::Open, opens);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_late_work_says_nothing_about_this_service() {
    let layer = InheritDeadlineLayer::new().name("api");
    let service =
        layer.layer(service_fn(|_: Request<()>| async { Err::<Response<()>, _>(BoxError::from("late")) }));
    let error = service.oneshot(request(&[("request-timeout-ms", "0")])).await.unwrap_err();
    let rejected = buttress::find_rejected(&*error).unwrap();
    assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::TimedOut, "api"));
    assert!(rejected.was_cut_short() && !rejected.was_sent());
}

/// A server that hangs, and notes the headers.
async fn hung_leaf() -> (std::net::SocketAddr, Seen) {
    let seen = Seen::default();
    let handler = |State(seen): State<Seen>, headers: HeaderMap| async move {
        seen.lock().unwrap().push(headers);
        std::future::pending::<()>().await
    };
    let router = Router::new().route("/", on_get(handler)).with_state(Arc::clone(&seen));
    (serve(router).await, seen)
}

#[tokio::test]
async fn a_callers_deadline_crosses_two_tiers_and_never_counts_against_the_leaf() {
    let (leaf, seen) = hung_leaf().await;
    let config = CircuitBreakerConfig::default().window(buttress::circuit_breaker::Window::last_calls(10));
    let stack = client_stack("leaf").circuit_breaker(CircuitBreakerLayer::new(config.min_calls(2)));
    let breaker = stack.circuit_breaker.breaker();
    let to_leaf = ServiceBuilder::new()
        .layer(stack)
        .layer(PropagateLayer::new())
        .map_err(CallError::Inner)
        .service(client());
    let handled = Arc::new(Mutex::new(0));
    let handler = {
        let handled = Arc::clone(&handled);
        move || {
            *handled.lock().unwrap() += 1;
            let to_leaf = to_leaf.clone();
            async move {
                let request = Request::get(format!("http://{leaf}/")).body(Full::<Bytes>::default()).unwrap();
                to_leaf.oneshot(request).await.map_or(StatusCode::BAD_GATEWAY, |response| response.status())
            }
        }
    };
    let inherit = InheritDeadlineLayer::new();
    let tier = Router::new().route("/", on_get(handler)).layer(server_stack("tier")).layer(inherit.clone());
    let address = serve(tier).await;
    let ask = |time: &'static str| async move {
        let uri = format!("http://{address}/");
        let request = Request::get(uri).header("request-timeout-ms", time).body(Full::default()).unwrap();
        client().request(request).await.unwrap().status()
    };

    for _ in 0..5 {
        let status = ask("30").await;
        assert!(status.is_server_error(), "{status}");
    }
    let told = told(&seen, "request-timeout-ms");
    assert_eq!(told.len(), 5, "a hung call is not repeated at the deadline");
    assert!(told.iter().all(|time| time.parse::<u64>().unwrap() <= 30), "{told:?}");
    let counts = breaker.snapshot();
    assert_eq!((counts.failed, counts.ignored + counts.cancelled), (0, 5), "{counts:?}");

    assert_eq!((ask("0").await, *handled.lock().unwrap()), (StatusCode::GATEWAY_TIMEOUT, 5));
    assert_eq!(inherit.expired(), 1);
}

/// Whether a request gets through while so many of ten permits are in use.
async fn gets_through(in_use: usize, headers: &[(&str, &str)], share: Option<f64>) -> bool {
    let bulkhead = Bulkhead::new(10);
    let _in_use: Vec<_> = (0..in_use).map(|_| bulkhead.try_admit().unwrap()).collect();
    let mut layer = RefuseRepeatsLayer::new(bulkhead.clone());
    if let Some(share) = share {
        layer = layer.from_share(share);
    }
    let service = layer.layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
    let response = service.oneshot(request(headers)).await.unwrap();
    let refused = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(refused, response.headers().contains_key(RETRY_AFTER));
    assert_eq!(bulkhead.snapshot().full, u64::from(refused));
    !refused
}

#[tokio::test]
async fn repeats_are_refused_first() {
    for repeat in
        [("previous-attempts", "1"), ("grpc-previous-rpc-attempts", "2"), ("x-envoy-attempt-count", "2")]
    {
        assert!(gets_through(4, &[repeat], None).await, "{repeat:?}");
        assert!(!gets_through(5, &[repeat], None).await, "{repeat:?}");
        assert!(gets_through(8, &[repeat], Some(0.9)).await && !gets_through(9, &[repeat], Some(0.9)).await);
    }
    for first in [&[][..], &[("previous-attempts", "0")], &[("x-envoy-attempt-count", "1")]] {
        assert!(gets_through(10, first, None).await, "{first:?}");
    }
    let layer = RefuseRepeatsLayer::new(Bulkhead::new(1));
    assert_eq!(layer.try_from_share(0.0).unwrap_err().field(), "share");
}

#[tokio::test]
async fn a_bulkhead_on_dry_run_refuses_no_repeats() {
    let bulkhead = Bulkhead::new(1);
    bulkhead.set_dry_run(true);
    let _in_use = bulkhead.try_admit().unwrap();
    let layer = RefuseRepeatsLayer::new(bulkhead);
    let service = layer.layer(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
    let response = service.oneshot(request(&[("previous-attempts", "1")])).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn every_rejection_tells_its_caller_not_to_come_back_at_once() {
    fn answer(rejected: Rejected) -> Response<()> {
        OnReject::<Response<()>, Infallible>::on_reject(&Convert, rejected).unwrap()
    }
    let full = Bulkhead::new(1);
    let _permit = full.try_admit().unwrap();
    let mut rejections = vec![full.try_admit().unwrap_err()];
    full.set_queue(1, 10 * MS).unwrap();
    let waits = tokio::spawn({
        let full = full.clone();
        async move { full.acquire().await.unwrap_err() }
    });
    tokio::task::yield_now().await;
    rejections.push(full.acquire().await.unwrap_err());
    rejections.push(waits.await.unwrap());
    let open = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).breaker();
    open.isolate();
    rejections.push(open.try_admit().unwrap_err());
    let hung = service_fn(|_: ()| std::future::pending::<Result<(), CallError<BoxError>>>());
    let late = TimeoutLayer::new(10 * MS).layer(hung).oneshot(()).await.unwrap_err();
    rejections.push(*late.rejected().unwrap());
    let limited = RateLimitLayer::new(Quota::every(HOUR))
        .layer(service_fn(|_: ()| async { Ok::<_, CallError<BoxError>>(()) }));
    limited.clone().oneshot(()).await.unwrap();
    rejections.push(*limited.oneshot(()).await.unwrap_err().rejected().unwrap());
    let mut unready =
        BulkheadLayer::new(1).layer(service_fn(|_: ()| async { Ok::<_, CallError<BoxError>>(()) }));
    rejections.push(*unready.call(()).await.unwrap_err().rejected().unwrap());

    let kinds: Vec<_> = rejections.iter().map(Rejected::kind).collect();
    use RejectedKind::*;
    assert_eq!(kinds, [BulkheadFull, QueueFull, QueueTimeout, CircuitOpen, TimedOut, RateLimited, NotReady]);
    for rejected in rejections {
        let response = answer(rejected);
        let seconds: u64 = response.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!(seconds >= 1, "{rejected}");
    }
}
