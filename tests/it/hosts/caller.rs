//! A client that knows how many connections it made.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;
use tower::Service;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// Without an upgrade: both sides know it.
    Http2,
}

#[derive(Clone)]
pub struct Connector {
    inner: HttpConnector,
    connections: Arc<AtomicUsize>,
}

impl Service<Uri> for Connector {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = <HttpConnector as Service<Uri>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.connections.fetch_add(1, SeqCst);
        self.inner.call(uri)
    }
}

#[derive(Clone)]
pub struct Caller {
    pub client: Client<Connector, Full<Bytes>>,
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Caller {
    pub fn new(protocol: Protocol, address: SocketAddr) -> Self {
        let connections = Arc::<AtomicUsize>::default();
        let connector = Connector { inner: HttpConnector::new(), connections: Arc::clone(&connections) };
        let client = Client::builder(TokioExecutor::new())
            .http2_only(protocol == Protocol::Http2)
            // What fails shall be seen.
            .retry_canceled_requests(false)
            .build(connector);
        Self { client, address, connections }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    pub fn request(&self, path: &str) -> Request<Full<Bytes>> {
        Request::get(format!("http://{}{path}", self.address)).body(Full::default()).unwrap()
    }

    pub async fn try_get(&self, path: &str) -> Result<StatusCode, Error> {
        self.client.request(self.request(path)).await.map(|response| response.status())
    }

    pub async fn fetch(&self, request: Request<Full<Bytes>>) -> (StatusCode, HeaderMap, Bytes) {
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes())
    }

    pub async fn get(&self, path: &str) -> StatusCode {
        self.fetch(self.request(path)).await.0
    }

    pub fn spawn_get(&self, path: &'static str) -> JoinHandle<StatusCode> {
        let caller = self.clone();
        tokio::spawn(async move { caller.get(path).await })
    }
}
