use std::net::SocketAddr;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use beyond_tower::aws::Guard;
use buttress::{Bulkhead, RejectedKind, Timeout, find_rejected};

use super::support::{Scripted, quick_breaker};

/// reqwest in place of the SDK's own client, which needs TLS.
#[derive(Clone, Debug)]
struct Plain(reqwest::Client);

impl HttpConnector for Plain {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let sent = client.get(request.uri()).send().await;
            let response = sent.map_err(|error| ConnectorError::io(error.into()))?;
            let status = response.status().as_u16().try_into().unwrap();
            Ok(HttpResponse::new(status, SdkBody::from(response.bytes().await.unwrap().to_vec())))
        })
    }
}

async fn get(guard: &Guard, address: SocketAddr, path: &str) -> Result<u16, ConnectorError> {
    let request = HttpRequest::get(format!("http://{address}{path}")).unwrap();
    let connector = guard.connector(SharedHttpConnector::new(Plain(reqwest::Client::new())));
    connector.call(request).await.map(|response| response.status().as_u16())
}

fn guard() -> Guard {
    Guard { circuit_breaker: quick_breaker(), ..Guard::new("table") }
}

#[tokio::test]
async fn an_open_circuit_is_an_error_that_the_sdk_does_not_repeat() {
    let (server, address) = Scripted::serve(&[503]).await;
    let guard = guard();
    for _ in 0..10 {
        assert_eq!(get(&guard, address, "/").await.unwrap(), 503);
    }
    let error = get(&guard, address, "/").await.unwrap_err();
    assert!(error.is_other() && error.as_other().is_none() && !error.is_io() && !error.is_timeout());
    assert_eq!((find_rejected(&error).unwrap().kind(), server.count()), (RejectedKind::CircuitOpen, 10));
    server.now_answer(&[200]);
    guard.circuit_breaker.reset();
    assert_eq!(get(&guard, address, "/").await.unwrap(), 200);
}

#[tokio::test]
async fn a_full_bulkhead_refuses_and_what_hangs_is_cut_off() {
    let (server, address) = Scripted::serve(&[200]).await;
    let full = Guard { bulkhead: Bulkhead::new(1), ..guard() };
    let held = full.bulkhead.try_admit().unwrap();
    let error = get(&full, address, "/").await.unwrap_err();
    assert_eq!((find_rejected(&error).unwrap().kind(), server.count()), (RejectedKind::BulkheadFull, 0));
    held.complete();
    assert_eq!(get(&full, address, "/").await.unwrap(), 200);

    let hasty = Guard { timeout: Timeout::new(Duration::from_millis(20)), ..guard() };
    let error = get(&hasty, address, "/hang").await.unwrap_err();
    assert!(error.is_timeout() && find_rejected(&error).is_some());
    assert_eq!((hasty.bulkhead.snapshot().in_flight, hasty.circuit_breaker.snapshot().in_flight), (0, 0));
}

#[tokio::test]
async fn the_clients_own_error_survives_and_counts() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let guard = guard();
    assert!(get(&guard, gone, "/").await.unwrap_err().is_io());
    assert_eq!(guard.circuit_breaker.snapshot().causes.count("connect"), 1);
}
