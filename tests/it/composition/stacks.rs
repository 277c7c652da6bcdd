//! The recommended stacks.

use std::time::Duration;

use buttress::{
    BulkheadLayer, CircuitState, FallbackLayer, Fault, Quota, RateLimitLayer, RejectedKind, client_stack,
    server_stack,
};
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::support::alloc::allocations;
use crate::support::{Act, Strict, call, now, poll_once, poll_ready, rejection};

#[test]
fn a_call_through_a_whole_stack_allocates_nothing() {
    let (inner, _probe) = Strict::ok();
    let quota = Quota::per_second(1_000_000).burst(1_000_000);
    let mut service = client_stack("frugal").rate_limit(RateLimitLayer::new(quota)).layer(inner.clone());
    let mut server = server_stack("frugal").layer(inner);
    now(&mut service, 0).unwrap();
    now(&mut server, 0).unwrap();
    let count = allocations(|| {
        for request in 0..1_000 {
            now(&mut service, request).unwrap();
            now(&mut server, request).unwrap();
        }
    });
    assert_eq!(count, 0);
}

#[tokio::test(start_paused = true)]
async fn the_client_stack_stops_calling_a_dead_dependency_and_finds_it_well_again() {
    let dead = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let script = std::sync::Arc::clone(&dead);
    let (inner, probe) =
        Strict::new(
            move |_, _| {
                if script.load(std::sync::atomic::Ordering::SeqCst) { Act::Err } else { Act::Ok }
            },
        );
    let stack = client_stack("payments");
    let breaker = stack.circuit_breaker.breaker();
    let mut service = stack.layer(inner);
    while breaker.state() == CircuitState::Closed {
        let _ = call(&mut service, 1).await;
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let sent = probe.calls();
    let rejected = rejection(call(&mut service, 2).await);
    assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::CircuitOpen, "payments"));
    assert_eq!(probe.calls(), sent);
    dead.store(false, std::sync::atomic::Ordering::SeqCst);
    let well = Instant::now();
    while breaker.state() != CircuitState::Closed {
        let _ = call(&mut service, 3).await;
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    assert!(well.elapsed() <= Duration::from_secs(4), "{:?}", well.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hung_dependency_costs_no_more_than_the_total_timeout() {
    let (inner, probe) = Strict::always(Act::Hang);
    let start = Instant::now();
    let rejected = rejection(call(&mut client_stack("search").layer(inner), 1).await);
    assert_eq!(rejected.kind(), RejectedKind::TimedOut);
    assert!(start.elapsed() <= Duration::from_secs(3), "{:?}", start.elapsed());
    assert!((2..=3).contains(&probe.calls()), "{}", probe.calls());
    assert_eq!(probe.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_order_of_the_client_stack_is_that_of_the_docs() {
    // The fallback answers for the limit of the whole call.
    let start = Instant::now();
    let patient = client_stack("order").fallback(FallbackLayer::value(99)).without_attempt_timeout();
    assert_eq!(call(&mut patient.layer(Strict::always(Act::Hang).0), 1).await, Ok(99));
    assert_eq!(start.elapsed(), Duration::from_secs(3));

    // What a full bulkhead refuses takes no cell of the rate limit.
    let stack = client_stack("order").bulkhead(BulkheadLayer::new(1));
    let stack = stack.rate_limit(RateLimitLayer::new(Quota::every(Duration::from_secs(60)).burst(1)));
    let (held, limiter) = (stack.bulkhead.bulkhead().try_admit().unwrap(), stack.rate_limit.limiter());
    let mut service = stack.layer(Strict::ok().0);
    assert_eq!(rejection(call(&mut service, 1).await).kind(), RejectedKind::BulkheadFull);
    assert_eq!((limiter.snapshot().calls, limiter.peek().remaining), (0, 1));
    drop(held);
    assert_eq!(call(&mut service, 1).await, Ok(1));

    // Who waits to try again holds no place.
    let stack = client_stack("order");
    let bulkhead = stack.bulkhead.bulkhead();
    let (inner, probe) = Strict::new(|number, _| if number == 0 { Act::Err } else { Act::Ok });
    let mut service = stack.layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    let mut waits = Box::pin(service.call(1));
    assert!(poll_once(waits.as_mut()).is_pending());
    assert_eq!((probe.calls(), bulkhead.snapshot().completed, bulkhead.snapshot().in_flight), (1, 1, 0));
    assert_eq!((waits.await, probe.calls()), (Ok(1), 2));
}

#[tokio::test(start_paused = true)]
async fn every_part_can_be_replaced_and_taken_out() {
    let (inner, _probe) = Strict::ok();
    let bare = client_stack("bare")
        .without_total_timeout()
        .without_retry()
        .without_circuit_breaker()
        .without_bulkhead()
        .without_attempt_timeout();
    let mut bare = bare.layer(inner.clone());
    assert_eq!(call(&mut bare, 1).await, Ok(1));

    let full = client_stack("full")
        .fallback(FallbackLayer::value(7))
        .bulkhead(BulkheadLayer::new(1))
        .rate_limit(RateLimitLayer::new(Quota::every(Duration::from_secs(60))));
    let bulkhead = full.bulkhead.bulkhead();
    let mut full = full.layer(inner);
    assert_eq!(call(&mut full, 1).await, Ok(1));
    let held = bulkhead.try_admit().unwrap();
    assert_eq!(call(&mut full, 2).await, Ok(7), "the fallback answers for the full bulkhead");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn the_server_stack_queues_and_then_refuses() {
    let (inner, probe) = Strict::always(Act::Hang);
    let stack = server_stack("shop");
    let bulkhead = stack.bulkhead.bulkhead();
    let service = stack.layer(inner);
    let calls: Vec<_> = (0..200)
        .map(|request| {
            let mut service = service.clone();
            tokio::spawn(async move { call(&mut service, request).await })
        })
        .collect();
    while bulkhead.snapshot().calls + bulkhead.snapshot().waiting < 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.in_flight(), 64);
    let mut kinds = std::collections::HashMap::new();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        *kinds.entry(error.as_rejected().unwrap().kind()).or_insert(0) += 1;
    }
    let expected = [
        (RejectedKind::QueueFull, 200 - 64 - 64),
        (RejectedKind::QueueTimeout, 64),
        (RejectedKind::TimedOut, 64),
    ];
    assert_eq!(kinds, expected.into());
    assert_eq!((bulkhead.snapshot().in_flight, bulkhead.snapshot().waiting), (0, 0));
}

#[test]
fn response_futures_stay_small() {
    use buttress::{CircuitBreakerConfig, CircuitBreakerLayer, RetryLayer, RetryPolicy, TimeoutLayer};
    use tower::{Service, ServiceBuilder};

    let quota = Quota::per_second(500);
    let long = Duration::from_secs(60);
    let inner = size_of_val(&Strict::ok().0.call(1));
    let mut five = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryPolicy::default()))
        .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default()))
        .layer(BulkheadLayer::new(64))
        .layer(RateLimitLayer::new(quota))
        .layer(TimeoutLayer::new(long))
        .service(Strict::ok().0);
    let mut stack = client_stack("sizes").rate_limit(RateLimitLayer::new(quota)).layer(Strict::ok().0);
    let (five, stack) = (size_of_val(&five.call(1)), size_of_val(&stack.call(1)));
    assert!(five - inner <= 256, "five layers: {} bytes above the inner future", five - inner);
    assert!(stack - inner <= 384, "a client stack: {} bytes above the inner future", stack - inner);
}
