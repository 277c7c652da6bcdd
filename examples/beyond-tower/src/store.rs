//! Engines under object_store: between its stores and the HTTP client that they use.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use buttress::{
    Answer, Bulkhead, CircuitBreaker, CircuitBreakerConfig, Fault, Rejected, RejectedKind, Timeout, Verdict,
};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

/// Guards all requests of a store. The store repeats them itself; so there is no retry here.
///
/// Clones share their state.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Cuts the store off while it fails.
    pub circuit_breaker: CircuitBreaker,
    /// Bounds the requests in flight, until their answers begin.
    pub bulkhead: Bulkhead,
    /// The limit of each request, until its answer begins.
    pub timeout: Timeout,
    /// What makes the client below.
    pub connector: Arc<dyn HttpConnector>,
}

impl Guard {
    /// Engines of this name around a connector such as object_store's own `ReqwestConnector`. They can be changed
    /// before they are used, or while they are.
    pub fn new(name: &'static str, connector: impl HttpConnector) -> Self {
        Self {
            connector: Arc::new(connector),
            circuit_breaker: CircuitBreaker::new(CircuitBreakerConfig::default()).named(name),
            bulkhead: Bulkhead::new(64).named(name),
            timeout: Timeout::new(Duration::from_secs(5)).named(name),
        }
    }
}

/// For `with_http_connector` of any store's builder.
impl HttpConnector for Guard {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = self.connector.connect(options)?;
        Ok(HttpClient::new(Guarded { guard: self.clone(), client }))
    }
}

#[derive(Debug)]
struct Guarded {
    guard: Guard,
    client: HttpClient,
}

#[async_trait]
impl HttpService for Guarded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let permit = self.guard.circuit_breaker.try_admit().map_err(refused)?;
        let result = self.within_limits(request).await;
        permit.settle(meaning(result.as_ref()));
        result
    }
}

impl Guarded {
    async fn within_limits(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let place = self.guard.bulkhead.try_admit().map_err(refused)?;
        let result = self.guard.timeout.run(self.client.execute(request)).await;
        place.complete();
        result.map_err(refused)?
    }
}

/// The kind decides whether the store repeats the request, up to ten times. `Unknown` is not repeated: whoever was refused
/// here would be refused again. A request that took too long may have come a long way, and the store knows what to do.
fn refused(rejected: Rejected) -> HttpError {
    let kind = match rejected.kind() {
        RejectedKind::TimedOut => HttpErrorKind::Timeout,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, rejected)
}

/// By status; and what is known of the errors that an [`HttpError`] is made of.
fn meaning(result: Result<&HttpResponse, &HttpError>) -> Verdict {
    match result {
        Ok(response) => response.verdict(),
        Err(error) => (error as &(dyn std::error::Error + 'static)).verdict(),
    }
}
