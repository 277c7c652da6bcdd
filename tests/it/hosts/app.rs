//! What is served, the same on each host.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::Service;

use crate::http::support::Gate;

/// Does what the path says.
#[derive(Clone)]
pub struct App {
    pub gate: Gate,
    calls: Arc<AtomicUsize>,
    is_broken: Arc<AtomicBool>,
}

impl App {
    pub fn new() -> Self {
        Self { gate: Gate::new(), calls: Arc::default(), is_broken: Arc::default() }
    }

    /// Calls that reached the handler.
    pub fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Answers with 500 from now on, or no more.
    pub fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, SeqCst);
    }

    pub async fn answer(self, path: String) -> (StatusCode, &'static str) {
        self.calls.fetch_add(1, SeqCst);
        if self.is_broken.load(SeqCst) {
            return (StatusCode::INTERNAL_SERVER_ERROR, "broken");
        }
        match path.as_str() {
            "/gate" => drop(self.gate.pass().await),
            "/hang" => std::future::pending().await,
            "/panic" => panic!("the handler panics on purpose"),
            _ => {}
        }
        (StatusCode::OK, "done")
    }
}

/// For hosts without a router.
impl<B> Service<Request<B>> for App {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.clone().answer(request.uri().path().to_owned());
        Box::pin(async {
            let (status, body) = answer.await;
            Ok(Response::builder().status(status).body(body.into()).unwrap())
        })
    }
}
