use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;

pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Serves until the test's runtime ends.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// A client with connections of its own.
pub fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

pub fn request(method: Method, address: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    let uri = format!("http://{address}{path}");
    Request::builder().method(method).uri(uri).body(Full::default()).unwrap()
}

/// The answer to one request over a connection of its own.
pub async fn fetch(method: Method, address: SocketAddr, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    let response = client().request(request(method, address, path)).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

pub async fn get(address: SocketAddr, path: &str) -> StatusCode {
    fetch(Method::GET, address, path).await.0
}

/// A handler that counts who is inside and lets nobody out before it is opened.
#[derive(Clone)]
pub struct Gate {
    inside: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
    entered: Arc<Semaphore>,
    exit: Arc<Semaphore>,
}

impl Gate {
    pub fn new() -> Self {
        Self {
            inside: Arc::default(),
            peak: Arc::default(),
            entered: Arc::new(Semaphore::new(0)),
            exit: Arc::new(Semaphore::new(0)),
        }
    }

    pub async fn pass(self) -> Result<&'static str, Infallible> {
        let inside = self.inside.fetch_add(1, SeqCst) + 1;
        self.peak.fetch_max(inside, SeqCst);
        let _leave = Leave(Arc::clone(&self.inside));
        self.entered.add_permits(1);
        self.exit.acquire().await.unwrap().forget();
        Ok("through")
    }

    /// Waits until this many more have entered.
    pub async fn entered(&self, count: u32) {
        self.entered.acquire_many(count).await.unwrap().forget();
    }

    pub fn open(&self, count: usize) {
        self.exit.add_permits(count);
    }

    pub fn inside(&self) -> usize {
        self.inside.load(SeqCst)
    }

    pub fn peak(&self) -> usize {
        self.peak.load(SeqCst)
    }
}

struct Leave(Arc<AtomicUsize>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
