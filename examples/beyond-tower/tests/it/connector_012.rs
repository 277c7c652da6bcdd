//! reqwest 0.12 is a foreign client, but its connector takes any layer.

use std::time::Duration;

use buttress::circuit_breaker::Window;
use buttress::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, ErrorsOnly, Quota, RateLimitLayer,
    RejectedKind, TimeoutLayer, find_rejected,
};

use super::support::Scripted;

#[tokio::test]
async fn the_layers_fit_the_connector_of_the_release_before() {
    let (_server, address) = Scripted::serve(&[200]).await;
    let config = CircuitBreakerConfig::default().window(Window::last_calls(2)).min_calls(2).outage(None);
    let breaker = CircuitBreakerLayer::new(config).classify(ErrorsOnly);
    let client = reqwest_012::Client::builder()
        .connector_layer(TimeoutLayer::new(Duration::from_secs(60)))
        .connector_layer(RateLimitLayer::new(Quota::per_second(100)))
        .connector_layer(BulkheadLayer::new(2))
        .connector_layer(breaker.clone())
        .build()
        .unwrap();
    assert_eq!(client.get(format!("http://{address}/")).send().await.unwrap().status(), 200);
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fails = async || client.get(format!("http://{gone}/")).send().await.unwrap_err();
    while breaker.breaker().snapshot().opened == 0 {
        assert!(find_rejected(&fails().await).is_none());
    }
    let error = fails().await;
    assert_eq!(find_rejected(&error).unwrap().kind(), RejectedKind::CircuitOpen, "{error:?}");
}
