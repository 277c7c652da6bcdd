//! A retry that sees a status in the trailers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress::http::PeekTrailersLayer;
use buttress::{Backoff, BoxError, RetryLayer, RetryPolicy, Verdict};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use crate::support::poll_once;

/// A body of these frames; after the last one it ends, or waits for ever.
#[derive(Debug, Default)]
struct Frames(VecDeque<Frame<Bytes>>, bool);

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.0.pop_front() {
            None if self.1 => Poll::Pending,
            frame => Poll::Ready(frame.map(Ok)),
        }
    }
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

fn status(code: &str) -> Frame<Bytes> {
    Frame::trailers(HeaderMap::from_iter([("grpc-status".parse().unwrap(), code.parse().unwrap())]))
}

fn grpc(frames: impl IntoIterator<Item = Frame<Bytes>>, hangs: bool) -> Response<Frames> {
    let builder = Response::builder().header("content-type", "application/grpc");
    builder.body(Frames(frames.into_iter().collect(), hangs)).unwrap()
}

/// What becomes of this answer: the status in its head, and what comes after it.
async fn peeked(answer: Response<Frames>) -> (Option<String>, Vec<String>) {
    let mut answer = Some(answer);
    let mut service = PeekTrailersLayer::new()
        .layer(service_fn(move |_: ()| std::future::ready(Ok::<_, BoxError>(answer.take().unwrap()))));
    let response = service.call(()).await.unwrap();
    let status = response.headers().get("grpc-status").map(|status| status.to_str().unwrap().to_owned());
    let mut body = response.into_body();
    let mut seen = Vec::new();
    while let Some(frame) = body.frame().await {
        seen.push(match frame.unwrap().into_data() {
            Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
            Err(_) => "trailers".into(),
        });
    }
    assert!(body.frame().await.is_none());
    (status, seen)
}

#[tokio::test]
async fn trailers_that_come_first_are_in_the_head_as_well() {
    for frames in [vec![status("14")], vec![data(""), status("14")]] {
        assert_eq!(peeked(grpc(frames, false)).await, (Some("14".into()), vec!["trailers".into()]));
    }
}

#[tokio::test]
async fn only_the_status_is_taken_from_trailers_and_the_head_keeps_what_it_says() {
    let of = |name: &str, value: &str| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    let trailers = HeaderMap::from_iter([
        of("grpc-status", "14"),
        of("grpc-message", "later"),
        of("content-type", "text/plain"),
        of("set-cookie", "a=b"),
    ]);
    let answer = grpc([Frame::trailers(trailers)], false);
    let before = answer.headers().clone();
    let mut answer = Some(answer);
    let mut service = PeekTrailersLayer::new()
        .layer(service_fn(move |_: ()| std::future::ready(Ok::<_, BoxError>(answer.take().unwrap()))));
    let mut head = service.call(()).await.unwrap().into_parts().0.headers;
    assert_eq!(head.remove("grpc-status").unwrap(), "14");
    assert_eq!(head.remove("grpc-message").unwrap(), "later");
    assert_eq!(head, before);
}

#[tokio::test]
async fn what_else_comes_first_passes_through() {
    let (status, seen) = peeked(grpc([data("a"), data("b"), status("14")], false)).await;
    assert_eq!((status, seen.join(" ").as_str()), (None, "a b trailers"));
    assert_eq!(peeked(grpc([], false)).await, (None, vec![]));
    let (status, seen) = peeked(grpc([data(""), data(""), data("a")], false)).await;
    assert_eq!((status, seen.join(" ").as_str()), (None, " a"));
}

#[test]
fn only_grpc_without_a_status_is_waited_for() {
    let call = |answer: Response<Frames>| {
        let mut answer = Some(answer);
        let mut service = PeekTrailersLayer::new()
            .layer(service_fn(move |_: ()| std::future::ready(Ok::<_, BoxError>(answer.take().unwrap()))));
        let mut future = Box::pin(service.call(()));
        poll_once(future.as_mut()).is_ready()
    };
    assert!(!call(grpc([], true)));
    let mut told = grpc([], true);
    told.headers_mut().insert("grpc-status", "0".parse().unwrap());
    assert!(call(told) && call(Response::new(Frames(VecDeque::new(), true))));
}

#[test]
fn the_size_includes_what_was_waited_for() {
    let mut answer = Some(grpc([data("abc")], true));
    let mut service = PeekTrailersLayer::new()
        .layer(service_fn(move |_: ()| std::future::ready(Ok::<_, BoxError>(answer.take().unwrap()))));
    let Poll::Ready(Ok(response)) = poll_once(Box::pin(service.call(())).as_mut()) else { panic!("pending") };
    let mut body = response.into_body();
    assert_eq!((body.size_hint().lower(), body.is_end_stream()), (3, false));
    assert!(Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())).is_ready());
    assert_eq!(body.size_hint().lower(), 0);
}

#[tokio::test]
async fn a_retry_repeats_a_status_in_trailers() {
    let by_head = |result: Result<&Response<_>, &BoxError>| match result {
        Ok(response) if response.headers().get("grpc-status").is_some_and(|status| status == "14") => {
            Verdict::failure("unavailable")
        }
        Ok(_) => Verdict::success(),
        Err(_) => Verdict::failure("error"),
    };
    let layer = RetryLayer::new(RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1))));
    let retry = layer.retry();
    let service = ServiceBuilder::new()
        .layer(layer.classify_fn(by_head))
        .layer(PeekTrailersLayer::new())
        .service(service_fn(|_: Request<()>| async {
            let frames = match buttress::retry::current_attempt() {
                3 => vec![data("message"), status("0")],
                _ => vec![status("14")],
            };
            Ok::<_, BoxError>(grpc(frames, false))
        }));
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "message");
    assert_eq!(retry.snapshot().attempts, 3);
}
