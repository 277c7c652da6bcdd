use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, body};
use buttress::circuit_breaker::Window;
use buttress::{Backoff, CircuitBreaker, CircuitBreakerConfig, Retry, RetryPolicy};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub headers: HeaderMap,
    pub body: String,
}

/// A server that answers with one status after the other, and then with the last one for ever.
#[derive(Clone)]
pub struct Scripted {
    statuses: Arc<Mutex<Vec<u16>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub async fn serve(statuses: &[u16]) -> (Self, SocketAddr) {
        let scripted = Self { statuses: Arc::default(), seen: Arc::default() };
        scripted.now_answer(statuses);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handler = {
            let scripted = scripted.clone();
            move |request| scripted.answer(request)
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
        (scripted, address)
    }

    pub fn now_answer(&self, statuses: &[u16]) {
        *self.statuses.lock().unwrap() = statuses.iter().rev().copied().collect();
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    async fn answer(self, request: Request) -> (StatusCode, String) {
        let (head, body) = request.into_parts();
        let body = body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        self.seen.lock().unwrap().push(Seen { headers: head.headers, body: body.clone() });
        if head.uri.path() == "/hang" {
            std::future::pending::<()>().await;
        }
        let mut statuses = self.statuses.lock().unwrap();
        let status = if statuses.len() > 1 { statuses.pop() } else { statuses.first().copied() };
        (StatusCode::from_u16(status.unwrap()).unwrap(), body)
    }
}

/// Opens when ten calls failed.
pub fn quick_breaker() -> CircuitBreaker {
    CircuitBreaker::new(quick())
}

pub fn quick() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(10).outage(None)
}

pub fn fast_retry() -> Retry {
    let wait = Backoff::constant(Duration::from_millis(1));
    Retry::new(RetryPolicy::default().backoff(wait))
}
