//! Calls that end with the body of their response.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::http::{ClassifyTrailers, GrpcTrailers, UntilBodyEnd};
use buttress::{
    BoxError, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState,
    Verdict, client_stack,
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tokio::time::{advance, sleep};
use tower::{Layer, Service, ServiceBuilder, service_fn};

const MS: Duration = Duration::from_millis(1);

/// What a body does when it is polled.
#[derive(Clone, Debug)]
enum Step {
    Data(&'static str),
    Trailers(&'static [(&'static str, &'static str)]),
    Error,
    Pending,
    Panic,
}

#[derive(Clone, Debug, Default)]
struct Script {
    steps: VecDeque<Step>,
    knows_its_end: bool,
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
            Some(Step::Error) => Poll::Ready(Some(Err("reset".into()))),
            Some(Step::Panic) => panic!("in a body"),
            Some(Step::Pending) => {
                self.steps.push_front(Step::Pending);
                Poll::Pending
            }
            Some(Step::Trailers(trailers)) => {
                let pairs =
                    trailers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
                Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::from_iter(pairs)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.steps.len() as u64)
    }
}

fn response(steps: &[Step]) -> Response<Script> {
    Response::new(Script { steps: steps.iter().cloned().collect(), knows_its_end: false })
}

fn grpc(steps: &[Step]) -> Response<Script> {
    let mut response = response(steps);
    response.headers_mut().insert("content-type", "application/grpc+proto".parse().unwrap());
    response
}

/// A breaker over a service that answers so, and its one answer.
async fn judged<T: ClassifyTrailers + Clone>(
    layer: UntilBodyEnd<CircuitBreakerLayer, T>,
    answer: Response<Script>,
) -> (CircuitBreaker, Response<impl Body<Data = Bytes, Error = BoxError> + Unpin>) {
    let breaker = layer.get_ref().breaker();
    let service = layer.layer(service_fn(move |_: Request<()>| {
        let answer = answer.clone();
        async move { Ok::<_, BoxError>(answer) }
    }));
    (breaker, service.oneshot(Request::new(())).await.unwrap())
}

fn layer() -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(2))
}

/// Succeeded, failed, ignored, cancelled, in flight.
fn counts(breaker: &CircuitBreaker) -> [u64; 5] {
    let s = breaker.snapshot();
    [s.succeeded, s.failed, s.ignored, s.cancelled, s.in_flight]
}

/// Polls a body once; tells what it gave.
fn poll<B: Body<Data = Bytes, Error = BoxError> + Unpin>(body: &mut B) -> &'static str {
    match Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => "pending",
        Poll::Ready(None) => "end",
        Poll::Ready(Some(Err(_))) => "error",
        Poll::Ready(Some(Ok(frame))) if frame.is_data() => "data",
        Poll::Ready(Some(Ok(_))) => "trailers",
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_to_its_end_is_a_success_then_and_not_before() {
    let (breaker, response) =
        judged(layer().until_body_end(), response(&[Step::Data("a"), Step::Data("b")])).await;
    let mut body = response.into_body();
    assert_eq!((counts(&breaker), body.size_hint().exact()), ([0, 0, 0, 0, 1], Some(2)));
    assert_eq!([poll(&mut body), poll(&mut body)], ["data", "data"]);
    assert_eq!((counts(&breaker), body.is_end_stream()), ([0, 0, 0, 0, 1], false));
    assert_eq!(poll(&mut body), "end");
    assert_eq!(counts(&breaker), [1, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_body_is_a_failure_and_opens_the_breaker() {
    let layer = layer();
    let breaker = layer.breaker();
    for _ in 0..2 {
        let (_, response) =
            judged(layer.clone().until_body_end(), response(&[Step::Data("a"), Step::Error])).await;
        assert!(response.into_body().collect().await.is_err());
    }
    assert_eq!((breaker.state(), counts(&breaker)), (CircuitState::Open, [0, 2, 0, 0, 0]));
    assert_eq!(breaker.snapshot().causes.to_string(), "body 2");
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_half_way_is_cancelled_and_never_counts_as_hung() {
    for wait in [MS, 10_000 * MS] {
        let (breaker, response) =
            judged(layer().until_body_end(), response(&[Step::Data("a"), Step::Pending])).await;
        let mut body = response.into_body();
        assert_eq!([poll(&mut body), poll(&mut body)], ["data", "pending"]);
        advance(wait).await;
        drop(body);
        assert_eq!(counts(&breaker), [0, 0, 0, 1, 0], "after {wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_data_read_is_a_success_even_if_nobody_asks_for_the_end() {
    let mut answer = response(&[Step::Data("a")]);
    answer.body_mut().knows_its_end = true;
    let (breaker, response) = judged(layer().until_body_end(), answer).await;
    let mut body = response.into_body();
    assert_eq!(poll(&mut body), "data");
    assert!(body.is_end_stream());
    assert_eq!(counts(&breaker), [1, 0, 0, 0, 0]);
    drop(body);
    assert_eq!(counts(&breaker), [1, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_body_at_its_end_already_is_settled_at_once() {
    let mut answer = response(&[]);
    answer.body_mut().knows_its_end = true;
    let (breaker, _response) = judged(layer().until_body_end(), answer).await;
    assert_eq!(counts(&breaker), [1, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_success_by_its_head_is_settled_at_once() {
    let mut answer = response(&[Step::Data("sorry")]);
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let (breaker, response) = judged(layer().until_body_end(), answer).await;
    assert_eq!(counts(&breaker), [0, 1, 0, 0, 0]);
    drop(response);
    assert_eq!(counts(&breaker), [0, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_body_frees_the_permit() {
    let (breaker, response) = judged(layer().until_body_end(), response(&[Step::Panic])).await;
    let mut body = response.into_body();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll(&mut body)));
    assert!(caught.is_err());
    assert_eq!(counts(&breaker), [0, 0, 0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_call_goes_to_the_end_of_its_body() {
    let (breaker, response) =
        judged(layer().until_body_end(), response(&[Step::Data("a"), Step::Data("b")])).await;
    let mut body = response.into_body();
    poll(&mut body);
    advance(700 * MS).await;
    while poll(&mut body) != "end" {}
    assert_eq!(breaker.snapshot().call_duration.sum(), 700 * MS);
}

const DONE: Step = Step::Trailers(&[("grpc-status", "0")]);
const UNAVAILABLE: Step = Step::Trailers(&[("grpc-status", "14")]);

#[tokio::test(start_paused = true)]
async fn the_status_in_the_trailers_of_grpc_counts() {
    for (steps, expected) in [
        (vec![Step::Data("a"), DONE], [1, 0, 0, 0, 0]),
        (vec![Step::Data("a"), UNAVAILABLE], [0, 1, 0, 0, 0]),
        (vec![Step::Trailers(&[("grpc-status", "5")])], [1, 0, 0, 0, 0]),
        (vec![Step::Trailers(&[("grpc-status", "1")])], [0, 0, 1, 0, 0]),
        // Cut off half-way, or never a status.
        (vec![Step::Data("a")], [0, 1, 0, 0, 0]),
        (vec![Step::Trailers(&[("other", "0")])], [0, 1, 0, 0, 0]),
    ] {
        let (breaker, response) = judged(layer().until_body_end(), grpc(&steps)).await;
        drop(response.into_body().collect().await);
        assert_eq!(counts(&breaker), expected, "{steps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_answer_of_trailers_only_is_told_by_its_head() {
    let mut answer = grpc(&[Step::Data("unread")]);
    answer.headers_mut().insert("grpc-status", "14".parse().unwrap());
    let (breaker, response) = judged(layer().until_body_end(), answer).await;
    assert_eq!(counts(&breaker), [0, 1, 0, 0, 0]);
    drop(response);
}

#[tokio::test(start_paused = true)]
async fn trailers_of_others_say_nothing_by_themselves() {
    let steps = [Step::Data("a"), UNAVAILABLE];
    let (breaker, response) = judged(layer().until_body_end(), response(&steps)).await;
    drop(response.into_body().collect().await);
    assert_eq!(counts(&breaker), [1, 0, 0, 0, 0]);
}

#[derive(Clone, Copy)]
struct Checksum;

impl ClassifyTrailers for Checksum {
    fn classify_head(&self, _: StatusCode, _: &HeaderMap) -> Option<Verdict> {
        None
    }

    fn classify_trailers(&self, trailers: Option<&HeaderMap>) -> Verdict {
        match trailers.is_some_and(|trailers| trailers.contains_key("checksum")) {
            true => Verdict::success(),
            false => Verdict::failure("checksum"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_strategy_of_ones_own_reads_the_trailers() {
    for (steps, expected) in [
        (vec![Step::Trailers(&[("checksum", "7")])], [1, 0, 0, 0, 0]),
        (vec![Step::Data("a")], [0, 1, 0, 0, 0]),
    ] {
        let (breaker, response) = judged(layer().until_body_end().trailers(Checksum), response(&steps)).await;
        drop(response.into_body().collect().await);
        assert_eq!(counts(&breaker), expected, "{steps:?}");
    }
}

/// Calls a bulkhead of one, and then again while the first body is still there.
async fn bulkhead_over(steps: &[Step], read: usize) -> [u64; 4] {
    let layer = BulkheadLayer::new(1);
    let bulkhead = layer.bulkhead();
    let answer = response(steps);
    let mut service = layer.until_body_end().layer(service_fn(move |_: Request<()>| {
        let answer = answer.clone();
        async move { Ok::<_, BoxError>(answer) }
    }));
    let first = service.ready().await.unwrap().call(Request::new(())).await.unwrap();
    let mut body = first.into_body();
    for _ in 0..read {
        assert_eq!(bulkhead.snapshot().in_flight, 1);
        assert!(service.ready().await.unwrap().call(Request::new(())).await.is_err(), "there was room");
        poll(&mut body);
    }
    drop(body);
    let s = bulkhead.snapshot();
    [s.completed, s.cancelled, s.in_flight, s.full]
}

#[tokio::test]
async fn a_permit_of_a_bulkhead_lasts_as_long_as_the_body() {
    assert_eq!(bulkhead_over(&[Step::Data("a"), Step::Data("b")], 3).await, [1, 0, 0, 3]);
    assert_eq!(bulkhead_over(&[Step::Data("a"), Step::Error], 2).await, [1, 0, 0, 2]);
    assert_eq!(bulkhead_over(&[Step::Data("a"), Step::Pending], 2).await, [0, 1, 0, 2]);
    assert_eq!(bulkhead_over(&[Step::Data("a")], 0).await, [0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_the_queue_is_called_when_a_body_ends() {
    let layer = BulkheadLayer::new(1).queue(4, 10_000 * MS);
    let bulkhead = layer.bulkhead();
    let service = layer
        .until_body_end()
        .layer(service_fn(|_: Request<()>| async { Ok::<_, BoxError>(response(&[Step::Data("a")])) }));
    let first = service.clone().oneshot(Request::new(())).await.unwrap();
    let second = tokio::spawn(service.clone().oneshot(Request::new(())));
    sleep(MS).await;
    assert_eq!((bulkhead.snapshot().waiting, bulkhead.snapshot().in_flight), (1, 1));
    first.into_body().collect().await.unwrap();
    let second = second.await.unwrap().unwrap();
    assert_eq!((bulkhead.snapshot().waiting, bulkhead.snapshot().in_flight), (0, 1));
    drop(second);
    assert_eq!((bulkhead.snapshot().completed, bulkhead.snapshot().cancelled), (1, 1));
}

/// By its path.
fn path(request: &Request<()>) -> Option<String> {
    Some(request.uri().path().to_owned())
}

fn to(path: &str) -> Request<()> {
    Request::builder().uri(path).body(()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn bodies_that_fail_cut_off_their_own_key_alone() {
    let config = CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(2);
    let layer = CircuitBreakerLayer::per_key(config, path).until_body_end().trailers(GrpcTrailers);
    let breaker = layer.get_ref().breaker();
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let end = if request.uri().path() == "/dead" { Step::Error } else { DONE };
        Ok::<_, Infallible>(grpc(&[Step::Data("a"), end]))
    }));
    for path in ["/dead", "/dead", "/well", "/well"] {
        let response = service.clone().oneshot(to(path)).await.unwrap();
        assert_eq!(breaker.snapshot().in_flight, 1, "until its body ends");
        let _ = response.into_body().collect().await;
    }
    let statuses = ["/dead", "/well"].map(|path| (service.clone().oneshot(to(path)), path));
    for (call, path) in statuses {
        let response = call.await.unwrap();
        assert_eq!(response.status() == StatusCode::SERVICE_UNAVAILABLE, path == "/dead");
        drop(response);
    }
    let s = breaker.snapshot();
    assert_eq!((s.succeeded, s.failed, s.cancelled, s.rejected, s.open), (2, 2, 1, 1, 1));
    assert_eq!(breaker.worst(1)[0].circuit.causes.to_string(), "body 2");
}

#[tokio::test(start_paused = true)]
async fn a_permit_of_a_key_lasts_as_long_as_the_body() {
    let answer = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(response(&[Step::Data("a")])) });
    let reject_now = BulkheadLayer::per_key(1, path);
    let queued = reject_now.fork("queued").queue(1, 60_000 * MS);
    let bulkhead = reject_now.bulkhead();
    let service = reject_now.until_body_end().layer(answer);
    let held = service.clone().oneshot(to("/a")).await.unwrap();
    let other = service.clone().oneshot(to("/b")).await.unwrap();
    assert_eq!((other.status(), bulkhead.snapshot().in_flight), (StatusCode::OK, 2));
    let full = service.clone().oneshot(to("/a")).await.unwrap();
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    held.into_body().collect().await.unwrap();
    assert_eq!(service.oneshot(to("/a")).await.unwrap().status(), StatusCode::OK);

    let service = queued.until_body_end().layer(answer);
    let held = service.clone().oneshot(to("/a")).await.unwrap();
    let waiting = tokio::spawn(service.oneshot(to("/a")));
    sleep(MS).await;
    assert!(!waiting.is_finished());
    held.into_body().collect().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_rejection_is_a_response_with_an_empty_body() {
    let layer = BulkheadLayer::new(1);
    let _held = layer.bulkhead().try_admit().unwrap();
    let service = layer.until_body_end().layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"x"))))
    }));
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.body().is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn it_is_a_part_of_a_stack_and_composes_with_all_others() {
    let stack = client_stack("files")
        .circuit_breaker(layer().until_body_end())
        .bulkhead(BulkheadLayer::new(8).until_body_end());
    let breaker = stack.circuit_breaker.get_ref().breaker();
    assert_eq!((breaker.name().as_str(), stack.explain().layers().len()), ("files", 5));
    let attempts = Arc::<AtomicU64>::default();
    let answers = service_fn(move |_: Request<Full<Bytes>>| {
        let mut answer = response(&[Step::Data("a")]);
        if attempts.fetch_add(1, SeqCst) == 0 {
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
        }
        async move { Ok::<_, BoxError>(answer) }
    });
    let service = ServiceBuilder::new().layer(stack).service(answers);
    let response = service.oneshot(Request::new(Full::default())).await.unwrap();
    assert_eq!((response.status(), counts(&breaker)), (StatusCode::OK, [0, 1, 0, 0, 1]));
    response.into_body().collect().await.unwrap();
    assert_eq!(counts(&breaker), [1, 1, 0, 0, 0]);
}
