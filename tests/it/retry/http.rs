//! HTTP requests and answers.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use buttress::{Backoff, Fault, RetryLayer, Verdict};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tower::{Layer, service_fn};

use super::{MS, steady};

/// The error of a client that knows whether it found a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fail {
    NoConnection,
    Reset,
}

impl Fault for Fail {
    fn verdict(&self) -> Verdict {
        match self {
            Self::NoConnection => Verdict::failure("connect").never_sent(),
            Self::Reset => Verdict::failure("reset"),
        }
    }
}

/// What one attempt meets.
#[derive(Clone, Copy, Debug)]
enum Meets {
    NoConnection,
    Reset,
    Status(u16),
}

impl Meets {
    fn result(self) -> Result<Response<()>, Fail> {
        match self {
            Self::NoConnection => Err(Fail::NoConnection),
            Self::Reset => Err(Fail::Reset),
            Self::Status(status) => Ok(Response::builder().status(status).body(()).unwrap()),
        }
    }
}

/// Sends a request to a service whose attempts meet these, the last one for ever. Tells the result and
/// what the service saw.
async fn send<B: buttress::Replay + 'static>(
    request: Request<B>,
    script: &[Meets],
) -> (Result<Response<()>, Fail>, Vec<Request<B>>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let inner = service_fn(|request: Request<B>| {
        let mut seen = seen.borrow_mut();
        let meets = script[seen.len().min(script.len() - 1)];
        seen.push(request);
        std::future::ready(meets.result())
    });
    let result = RetryLayer::new(steady()).layer(inner).oneshot(request).await;
    (result, seen.take())
}

#[tokio::test(start_paused = true)]
async fn rt_17_idempotent_requests_are_repeated_and_others_only_if_they_were_never_sent() {
    let methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "PURGE"];
    for (index, method) in methods.into_iter().enumerate() {
        for meets in [Meets::NoConnection, Meets::Reset, Meets::Status(503)] {
            for keyed in [false, true] {
                let mut request = Request::builder().method(method).body(()).unwrap();
                if keyed {
                    request.headers_mut().insert("idempotency-key", "\"8e03978e\"".parse().unwrap());
                }
                let (_, seen) = send(request, &[meets]).await;
                let repeated = index < 6 || keyed || matches!(meets, Meets::NoConnection);
                assert_eq!(seen.len(), if repeated { 3 } else { 1 }, "{method} {meets:?} keyed: {keyed}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_answers_that_ask_for_it_are_repeated() {
    for (status, attempts) in
        [(200, 1), (302, 1), (404, 1), (408, 3), (425, 3), (429, 3), (500, 1), (501, 1), (502, 3), (504, 3)]
    {
        let (result, seen) = send(Request::new(()), &[Meets::Status(status)]).await;
        assert_eq!(seen.len(), attempts, "{status}");
        assert_eq!(result.unwrap().status(), StatusCode::from_u16(status).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn rt_21_a_connection_that_failed_later_does_not_hide_what_was_sent() {
    let (result, seen) = send(Request::new(()), &[Meets::Reset, Meets::NoConnection]).await;
    assert_eq!(seen.len(), 3);
    assert_eq!(result.unwrap_err(), Fail::Reset);

    let (result, _) = send(Request::new(()), &[Meets::NoConnection, Meets::Status(503)]).await;
    assert_eq!(result.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_reached_nobody_is_not_repeated_once_it_reached_somebody() {
    let post = || Request::post("/").body(()).unwrap();
    let (result, seen) = send(post(), &[Meets::NoConnection, Meets::Reset]).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(result.unwrap_err(), Fail::Reset);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_carries_the_same_request() {
    let body = Bytes::from(vec![7; 64 * 1024]);
    let request = Request::put("http://example.com/a?b=c")
        .header("x", "1")
        .extension(7_u8)
        .body(Full::new(body.clone()))
        .unwrap();
    let (_, seen) = send(request, &[Meets::Status(503)]).await;
    assert_eq!(seen.len(), 3);
    for request in seen {
        assert_eq!((request.method(), request.uri().path()), (&Method::PUT, "/a"));
        assert_eq!(request.headers()["x"], "1");
        assert_eq!(request.extensions().get::<u8>(), Some(&7));
        assert_eq!(request.into_body().into_inner(), Some(body.clone()));
    }
}

#[tokio::test(start_paused = true)]
async fn rt_23_a_body_that_may_be_a_stream_is_sent_once() {
    let request = Request::put("/").body(Full::new(Bytes::from_static(b"x")).boxed()).unwrap();
    let (result, seen) = send(request, &[Meets::Reset]).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(result.unwrap_err(), Fail::Reset);

    let empty = Request::get("/").body(BoxBody::<Bytes, std::io::Error>::default()).unwrap();
    assert_eq!(send(empty, &[Meets::Reset]).await.1.len(), 3);
}

/// How long a call waits that is answered with 503 and these values of `Retry-After`.
async fn wait_after(values: &[String]) -> Duration {
    let values = values.to_vec();
    let inner = service_fn(move |_: Request<()>| {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        for value in &values {
            response.headers_mut().append(RETRY_AFTER, value.parse().unwrap());
        }
        std::future::ready(Ok::<_, Fail>(response))
    });
    let policy = steady().max_attempts(2).backoff(Backoff::constant(100 * MS));
    let start = Instant::now();
    RetryLayer::new(policy).layer(inner).oneshot(Request::new(())).await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn rt_19_retry_after_is_heeded_up_to_the_cap() {
    let cap = Duration::from_secs(30);
    let seconds = Duration::from_secs;
    for (value, expected) in [
        ("0", 100 * MS),
        ("5", seconds(5)),
        ("120", cap),
        ("9223372037", cap),
        ("18446744073709551616", cap),
        ("-1", 100 * MS),
        ("1.5", 100 * MS),
        ("abc", 100 * MS),
        ("", 100 * MS),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 100 * MS),
        ("Fri, 31 Dec 9999 23:59:59 GMT", cap),
    ] {
        assert_eq!(wait_after(&[value.into()]).await, expected, "{value:?}");
    }
    assert_eq!(wait_after(&["3".into(), "7".into(), "abc".into()]).await, seconds(7));

    // Dates have whole seconds; the one that has just begun lies up to a second back.
    let soon = httpdate::fmt_http_date(SystemTime::now() + seconds(10));
    let wait = wait_after(&[soon]).await;
    assert!(wait > seconds(8) && wait <= seconds(10), "{wait:?}");
}
