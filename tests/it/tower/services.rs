//! Services of tower's that make others, or make them ready, around and within layers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use buttress::{
    BoxError, BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer, TimeoutLayer, client_stack,
};
use tower::reconnect::Reconnect;
use tower::spawn_ready::SpawnReady;
use tower::util::{BoxCloneService, BoxService};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::support::{Strict, TestError, call};

#[tokio::test(start_paused = true)]
async fn a_service_that_reconnects_keeps_its_layers_state() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let (made, connections) = (layer.clone(), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&connections);
    // A new connection, and a new service, for each failure of readiness.
    let connect = service_fn(move |()| {
        let (inner, probe) = Strict::ok();
        kept.lock().unwrap().push(probe);
        std::future::ready(Ok::<_, TestError>(made.layer(inner)))
    });
    let mut service = Reconnect::new(connect, ());
    for request in 0..10 {
        assert_eq!(call(&mut service, request).await.unwrap(), request);
        if request % 3 == 2 {
            connections.lock().unwrap().last().unwrap().set_broken();
        }
    }
    assert_eq!((connections.lock().unwrap().len(), layer.breaker().snapshot().succeeded), (4, 10));
}

#[tokio::test(start_paused = true)]
async fn a_layer_over_a_service_that_is_made_ready_elsewhere() {
    let inner = SpawnReady::new(Strict::ok().0.map_err(BoxError::from));
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default()))
        .layer(BulkheadLayer::new(1))
        .layer(TimeoutLayer::new(Duration::from_secs(1)))
        .service(inner);
    for request in 0..10 {
        assert_eq!(call(&mut service, request).await.unwrap(), request);
    }
    let mut service = SpawnReady::new(client_stack("spawned").layer(Strict::ok().0));
    assert_eq!(call(&mut service, 1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn boxed_and_optional_layers() {
    let stack = || client_stack("boxed").layer(Strict::ok().0);
    let boxed: BoxService<u64, u64, CallError<TestError>> = stack().boxed();
    assert_eq!(boxed.oneshot(1).await.unwrap(), 1);
    let cloned: BoxCloneService<u64, u64, CallError<TestError>> = stack().boxed_clone();
    assert_eq!(cloned.clone().oneshot(2).await.unwrap(), 2);
    let none: Option<CircuitBreakerLayer> = None;
    let optional = ServiceBuilder::new()
        .option_layer(none)
        .option_layer(Some(BulkheadLayer::new(1)))
        .service(Strict::ok().0);
    assert_eq!(optional.oneshot(3).await.unwrap(), 3);
}
