use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::response::{IntoResponse, Response};
use buttress::circuit_breaker::Window;
use buttress::{
    Backoff, CallError, CircuitBreakerConfig, ClientStack, RetryLayer, RetryPolicy, client_stack,
};
use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::support::{Gate, serve};
use crate::support::panic_quietly;

pub type Error = CallError<reqwest::Error>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    /// By prior knowledge.
    Http2,
}

pub const BOTH: [Version; 2] = [Version::Http1, Version::Http2];

impl Version {
    pub fn builder(self) -> reqwest::ClientBuilder {
        match self {
            Self::Http1 => reqwest::Client::builder().http1_only(),
            Self::Http2 => reqwest::Client::builder().http2_prior_knowledge(),
        }
    }

    /// A client with connections of its own.
    pub fn client(self) -> reqwest::Client {
        self.builder().build().unwrap()
    }

    pub fn of_requests(self) -> http::Version {
        match self {
            Self::Http1 => http::Version::HTTP_11,
            Self::Http2 => http::Version::HTTP_2,
        }
    }
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub version: http::Version,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

/// What a server does is said by the path: a status, or a word.
#[derive(Clone)]
pub struct Scripted {
    pub gate: Gate,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub fn new() -> Self {
        Self { gate: Gate::new(), seen: Arc::default() }
    }

    pub async fn serve() -> (Self, SocketAddr) {
        let scripted = Self::new();
        let address = serve(scripted.router()).await;
        (scripted, address)
    }

    pub fn router(&self) -> Router {
        let scripted = self.clone();
        Router::new().fallback(move |request| scripted.answer(request))
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    async fn answer(self, request: AxumRequest) -> Response {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let (method, version, headers) = (head.method, head.version, head.headers);
        self.seen.lock().unwrap().push(Seen { method, version, headers, body });
        match head.uri.path() {
            "/gate" => self.gate.pass().await.into_response(),
            "/hang" => std::future::pending().await,
            "/panic" => panic_quietly(),
            "/elsewhere" => {
                let to = head.uri.query().unwrap();
                (StatusCode::SEE_OTHER, [(LOCATION, format!("http://{to}/200"))]).into_response()
            }
            status => {
                let status: u16 = status.trim_start_matches('/').parse().unwrap();
                (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, "0")]).into_response()
            }
        }
    }
}

pub fn request(method: Method, address: SocketAddr, path: &str) -> reqwest::Request {
    reqwest::Request::new(method, format!("http://{address}{path}").parse().unwrap())
}

/// Opens when ten calls failed.
pub fn quick() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(10).outage(None)
}

pub fn fast_retry() -> RetryLayer {
    RetryLayer::new(RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1))))
}

/// The whole stack, with a retry that does not wait for long.
pub fn stack() -> ClientStack {
    client_stack("upstream").retry(fast_retry())
}

/// Made from the number of the stream that it answers.
pub type Frame = fn([u8; 4]) -> Vec<u8>;

/// A server that speaks just enough HTTP/2 to answer each request with one frame; and how many requests it saw.
pub async fn one_frame(frame: Frame) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // It ends when the client hangs up.
            tokio::spawn(answer_each(connection, frame, Arc::clone(&counted)));
        }
    });
    (address, seen)
}

const HEADERS: u8 = 1;

async fn answer_each(mut connection: TcpStream, frame: Frame, seen: Arc<AtomicUsize>) -> std::io::Result<()> {
    // Settings, all of them by default.
    connection.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
    connection.read_exact(&mut [0; 24]).await?;
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await?;
        let [a, b, c, kind, _, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        connection.read_exact(&mut payload).await?;
        if kind == HEADERS {
            seen.fetch_add(1, SeqCst);
            connection.write_all(&frame(stream)).await?;
        }
    }
}

/// The stream is reset, for this reason.
pub fn reset(stream: [u8; 4], reason: u8) -> Vec<u8> {
    [&[0, 0, 4, 3, 0], &stream[..], &[0, 0, 0, reason]].concat()
}

/// The connection goes away, for this reason, and took no stream.
pub fn goaway(reason: u8) -> Vec<u8> {
    vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, reason]
}
