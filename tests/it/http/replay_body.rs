//! Streamed request bodies that are sent again, through a real client to a real server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::response::IntoResponse;
use buttress::http::{ReplayBody, ReplayBodyLayer};
use buttress::{Backoff, CallError, RetryLayer, RetryPolicy};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceBuilder;

use super::support::serve;
use crate::support::call_with;

/// A body whose frames somebody sends.
struct Streamed(mpsc::Receiver<Frame<Bytes>>);

impl Body for Streamed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

/// A body of so many bytes, sent in pieces of a kilobyte and followed by trailers. Each needs one of the permits, of
/// which there are none.
fn stream(len: usize) -> (Streamed, Vec<u8>, Arc<Semaphore>) {
    let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
    let checksum = HeaderMap::from_iter([("checksum".parse().unwrap(), "7".parse().unwrap())]);
    let mut frames: Vec<_> =
        bytes.chunks(KIB).map(|piece| Frame::data(Bytes::copy_from_slice(piece))).collect();
    frames.push(Frame::trailers(checksum));
    let (sender, receiver) = mpsc::channel(1);
    let pieces = Arc::new(Semaphore::new(0));
    let allowed = Arc::clone(&pieces);
    tokio::spawn(async move {
        for frame in frames {
            allowed.acquire().await.unwrap().forget();
            // Nobody reads on once the call has ended.
            if sender.send(frame).await.is_err() {
                return;
            }
        }
    });
    (Streamed(receiver), bytes, pieces)
}

const KIB: usize = 1024;

/// What a server saw of each attempt: the bytes, and whether there was a checksum in the trailers.
type Seen = Arc<Mutex<Vec<(Vec<u8>, bool)>>>;

/// Answers 503 until it was asked so many times. `reads` says how much it reads before that, in bytes.
async fn server(fails: usize, reads: usize) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let handler = {
        let seen = Arc::clone(&seen);
        move |request: AxumRequest| async move {
            let fails = seen.lock().unwrap().len() < fails;
            let mut body = request.into_body();
            let (mut bytes, mut has_trailers) = (Vec::new(), false);
            while !fails || bytes.len() < reads {
                match body.frame().await {
                    None => break,
                    Some(frame) => match frame.unwrap().into_data() {
                        Ok(data) => bytes.extend_from_slice(&data),
                        Err(frame) => has_trailers = frame.into_trailers().unwrap().contains_key("checksum"),
                    },
                }
            }
            seen.lock().unwrap().push((bytes, has_trailers));
            if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }.into_response()
        }
    };
    (serve(Router::new().fallback(handler)).await, seen)
}

/// What came of a request with this body, and how many attempts it took.
async fn send(address: SocketAddr, h2: bool, body: Streamed) -> (StatusCode, u64) {
    let policy = RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1)));
    let layer = RetryLayer::new(policy);
    let retry = layer.retry();
    let client = Client::builder(TokioExecutor::new()).http2_only(h2).build_http::<ReplayBody<Streamed>>();
    let mut service = ServiceBuilder::new()
        .layer(ReplayBodyLayer::new())
        .layer(layer)
        .map_err(CallError::Inner)
        .service(client);
    // HTTP/1.1 sends trailers only if they were announced.
    let request =
        Request::put(format!("http://{address}/")).header("trailer", "checksum").body(body).unwrap();
    let response = call_with(&mut service, request).await.unwrap();
    (response.status(), retry.snapshot().attempts)
}

#[tokio::test]
async fn rt_18_a_stream_is_repeated_byte_for_byte_with_its_trailers() {
    for h2 in [false, true] {
        let (address, seen) = server(2, usize::MAX).await;
        let (body, bytes, sent) = stream(64 * KIB);
        sent.add_permits(1_000);
        assert_eq!(send(address, h2, body).await, (StatusCode::OK, 3), "HTTP/2: {h2}");
        for (attempt, saw) in seen.lock().unwrap().iter().enumerate() {
            assert!(saw.0 == bytes && saw.1, "attempt {attempt}, HTTP/2: {h2}: {} bytes", saw.0.len());
        }
    }
}

#[tokio::test]
async fn above_the_cap_it_is_sent_once_and_as_a_whole() {
    for h2 in [false, true] {
        let (address, seen) = server(2, usize::MAX).await;
        let (body, bytes, sent) = stream(64 * KIB + 1);
        sent.add_permits(1_000);
        assert_eq!(send(address, h2, body).await, (StatusCode::SERVICE_UNAVAILABLE, 1), "HTTP/2: {h2}");
        let seen = seen.lock().unwrap();
        assert!(seen.len() == 1 && seen[0].0 == bytes && seen[0].1, "HTTP/2: {h2}");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_does_no_harm() {
    for h2 in [false, true] {
        let (address, seen) = server(2, 3 * KIB).await;
        let (body, bytes, sent) = stream(64 * KIB);
        // The rest of the body is not there before the first attempts were answered.
        let more = {
            let seen = Arc::clone(&seen);
            async move {
                sent.add_permits(4);
                while seen.lock().unwrap().is_empty() {
                    tokio::task::yield_now().await;
                }
                sent.add_permits(1_000);
            }
        };
        let (result, ()) = tokio::join!(send(address, h2, body), more);
        assert_eq!(result, (StatusCode::OK, 3), "HTTP/2: {h2}");
        let seen = seen.lock().unwrap();
        for (read, _) in seen.iter() {
            assert!(bytes.starts_with(read), "HTTP/2: {h2}");
        }
        assert!(seen[0].0.len() < 5 * KIB, "it was read before it was answered");
        assert!(seen[2].0 == bytes && seen[2].1, "HTTP/2: {h2}: {} bytes", seen[2].0.len());
    }
}
