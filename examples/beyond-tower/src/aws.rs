//! Engines under the clients of the AWS SDK.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use buttress::{
    Answer, Bulkhead, CircuitBreaker, CircuitBreakerConfig, Fault, Rejected, RejectedKind, Timeout, Verdict,
};

/// Guards all requests of a client. The SDK repeats them itself, with a budget of its own; so there is no retry here.
///
/// Clones share their state.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Cuts the service off while it fails.
    pub circuit_breaker: CircuitBreaker,
    /// Bounds the requests in flight, until their answers begin.
    pub bulkhead: Bulkhead,
    /// The limit of each request, until its answer begins.
    pub timeout: Timeout,
}

impl Guard {
    /// Engines of this name, to be changed before they are used, or while they are.
    pub fn new(name: &'static str) -> Self {
        Self {
            circuit_breaker: CircuitBreaker::new(CircuitBreakerConfig::default()).named(name),
            bulkhead: Bulkhead::new(64).named(name),
            timeout: Timeout::new(Duration::from_secs(5)).named(name),
        }
    }

    /// For `http_client` of a service's configuration.
    pub fn around(self, client: impl HttpClient + 'static) -> impl HttpClient + 'static {
        http_client_fn(move |settings, components| {
            self.connector(client.http_connector(settings, components))
        })
    }

    /// The same for what a client makes its connections with.
    pub fn connector(&self, connector: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(Guarded { guard: self.clone(), connector })
    }
}

#[derive(Clone, Debug)]
struct Guarded {
    guard: Guard,
    connector: SharedHttpConnector,
}

impl HttpConnector for Guarded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let permit = this.guard.circuit_breaker.try_admit().map_err(refused)?;
            let result = this.within_limits(request).await;
            permit.settle(meaning(result.as_ref()));
            result
        })
    }
}

impl Guarded {
    async fn within_limits(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let place = self.guard.bulkhead.try_admit().map_err(refused)?;
        let result = self.guard.timeout.run(self.connector.call(request)).await;
        place.complete();
        result.map_err(refused)?
    }
}

/// The SDK repeats what is `io` or `timeout`. Whoever was refused here would be refused again, so it is neither.
fn refused(rejected: Rejected) -> ConnectorError {
    match rejected.kind() {
        RejectedKind::TimedOut => ConnectorError::timeout(rejected.into()),
        _ => ConnectorError::other(rejected.into(), None).never_connected(),
    }
}

/// By status; and what is known of the errors that a [`ConnectorError`] is made of.
fn meaning(result: Result<&HttpResponse, &ConnectorError>) -> Verdict {
    match result {
        Ok(response) => {
            let mut answer = http::Response::new(());
            let status = http::StatusCode::from_u16(response.status().as_u16());
            *answer.status_mut() = status.expect("both know the same statuses");
            answer.verdict()
        }
        Err(error) if error.is_timeout() => Verdict::failure("timeout"),
        Err(error) => (error as &(dyn std::error::Error + 'static)).verdict(),
    }
}
