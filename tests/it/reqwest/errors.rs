//! What errors mean: the client's own, and those of the protocol below it.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use buttress::{CallError, CircuitBreakerLayer, Fault, Outcome, Verdict};
use http::Method;
use tower::{Layer, ServiceBuilder};

use super::support::{BOTH, Frame, Scripted, Version, fast_retry, goaway, one_frame, quick, request, reset};
use crate::support::{call_with, nobody_there};

const NO_ERROR: u8 = 0;
const REFUSED_STREAM: u8 = 7;
const CANCEL: u8 = 8;
const ENHANCE_YOUR_CALM: u8 = 11;

fn told(error: &reqwest::Error) -> (Outcome, &'static str, bool, bool) {
    let verdict: Verdict = error.verdict();
    (verdict.outcome(), verdict.cause(), verdict.may_repeat(), verdict.was_sent())
}

#[tokio::test]
async fn errors_of_the_client_tell_what_happened() {
    for version in BOTH {
        let (_server, address) = Scripted::serve().await;
        let nobody = version.client().execute(request(Method::GET, nobody_there(), "/")).await.unwrap_err();
        // It follows redirects: perhaps it was the second host that nobody answered at.
        assert_eq!(told(&nobody), (Outcome::Failure, "connect", true, true), "{version:?}");
        let hasty = version.builder().timeout(Duration::from_millis(20)).build().unwrap();
        let late = hasty.execute(request(Method::GET, address, "/hang")).await.unwrap_err();
        assert_eq!(told(&late), (Outcome::Failure, "timeout", true, true), "{version:?}");
        let cut = version.client().execute(request(Method::GET, address, "/panic")).await.unwrap_err();
        assert_eq!(told(&cut), (Outcome::Failure, "reset", true, true), "{version:?} {cut:?}");
    }
}

#[tokio::test]
async fn errors_of_http_2_tell_whether_the_server_began() {
    let frames: [(Frame, _); 5] = [
        (|stream| reset(stream, REFUSED_STREAM), (Outcome::Failure, "refused")),
        (|_| goaway(NO_ERROR), (Outcome::Ignored, "goaway")),
        (|stream| reset(stream, CANCEL), (Outcome::Failure, "reset")),
        (|stream| reset(stream, ENHANCE_YOUR_CALM), (Outcome::Failure, "reset")),
        (|_| goaway(ENHANCE_YOUR_CALM), (Outcome::Failure, "reset")),
    ];
    for (frame, (outcome, cause)) in frames {
        let (address, _) = one_frame(frame).await;
        let error = Version::Http2.client().execute(request(Method::GET, address, "/")).await.unwrap_err();
        assert_eq!(told(&error), (outcome, cause, true, true), "{error:?}");
    }
}

#[tokio::test]
async fn reqwest_repeats_what_was_refused_by_itself_and_we_repeat_only_what_may_be() {
    for frame in [|stream| reset(stream, REFUSED_STREAM), |_| goaway(NO_ERROR)] {
        for (by_itself, times) in [(true, 3), (false, 1)] {
            for (method, attempts) in [(Method::GET, 3), (Method::POST, 1)] {
                let (address, seen) = one_frame(frame).await;
                let mut client = Version::Http2.builder();
                if !by_itself {
                    client = client.retry(reqwest::retry::never());
                }
                let client = ServiceBuilder::new().map_err(CallError::Inner).service(client.build().unwrap());
                let mut client = fast_retry().layer(client);
                call_with(&mut client, request(method.clone(), address, "/")).await.unwrap_err();
                assert_eq!(seen.load(SeqCst), times * attempts, "{method}, by itself: {by_itself}");
            }
        }
    }
}

/// hyper-util's client follows no redirects: what was refused did not happen.
#[tokio::test]
async fn a_client_without_redirects_repeats_what_was_refused_whatever_its_method() {
    use http_body_util::Empty;
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    for frame in
        [|stream| reset(stream, REFUSED_STREAM), |_| goaway(NO_ERROR), |stream| reset(stream, CANCEL)]
    {
        let (address, seen) = one_frame(frame).await;
        let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<Empty<&[u8]>>();
        let client = ServiceBuilder::new().map_err(CallError::Inner).service(client);
        let order = http::Request::post(format!("http://{address}/")).body(Empty::new()).unwrap();
        let error = call_with(&mut fast_retry().layer(client), order).await.unwrap_err();
        let attempts = if error.verdict().cause() == "reset" { 1 } else { 3 };
        assert_eq!(seen.load(SeqCst), attempts, "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_leaves_in_good_order_opens_no_breaker_and_one_that_refuses_does() {
    let frames: [(Frame, _); 2] = [(|stream| reset(stream, REFUSED_STREAM), 1), (|_| goaway(NO_ERROR), 0)];
    for (frame, opened) in frames {
        let (address, _) = one_frame(frame).await;
        let layer = CircuitBreakerLayer::new(quick());
        let breaker = layer.breaker();
        let client = ServiceBuilder::new().layer(layer).map_err(CallError::Inner);
        let mut client = client.service(Version::Http2.client());
        for _ in 0..10 {
            call_with(&mut client, request(Method::GET, address, "/")).await.unwrap_err();
        }
        assert_eq!(breaker.snapshot().opened, opened);
    }
}
