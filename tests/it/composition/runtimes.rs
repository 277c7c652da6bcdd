//! Runtimes of every flavour, started late, stopped early.

use std::time::Duration;

use buttress::{BulkheadLayer, CallError, TimeoutLayer, client_stack};
use tower::{Layer, ServiceBuilder};

use crate::support::{Act, Strict, call, now, poll_ready};

#[test]
fn co_16_every_flavour_of_runtime_gives_the_same_answers() {
    let (inner, _probe) = Strict::new(|_, request| if request == 1 { Act::Yield(3) } else { Act::Ok });
    let service = client_stack("flavours").layer(inner);
    let work = || {
        let mut service = service.clone();
        async move { [call(&mut service, 0).await, call(&mut service, 1).await] }
    };
    let expected = [Ok(0), Ok(1)];

    let current = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(current.block_on(work()), expected);
    let local = tokio::task::LocalSet::new();
    assert_eq!(local.block_on(&current, async { tokio::task::spawn_local(work()).await.unwrap() }), expected);
    let multi = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    assert_eq!(multi.block_on(async { tokio::spawn(work()).await.unwrap() }), expected);
    let handle = multi.handle().clone();
    let elsewhere = work();
    assert_eq!(std::thread::spawn(move || handle.block_on(elsewhere)).join().unwrap(), expected);
}

#[test]
fn co_15_a_runtime_that_ends_with_calls_in_flight_ends_quietly() {
    let (inner, probe) = Strict::always(Act::Hang);
    let stack = client_stack("shutdown").bulkhead(BulkheadLayer::new(1_000));
    let bulkhead = stack.bulkhead.bulkhead();
    let service = stack.layer(inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for request in 0..1_000 {
        let mut service = service.clone();
        runtime.spawn(async move { call(&mut service, request).await });
    }
    while probe.in_flight() < 1_000 {
        std::thread::yield_now();
    }
    drop(runtime);
    assert_eq!(probe.in_flight(), 0);
    let counts = bulkhead.snapshot();
    assert_eq!((counts.in_flight, counts.cancelled), (0, 1_000));
}

#[test]
fn co_13_idle_services_have_no_task_and_no_timer() {
    let layer = client_stack("idle");
    let (inner, _probe) = Strict::ok();
    // Without a runtime, whoever armed a timer or spawned a task would panic.
    let mut services: Vec<_> = (0..10_000).map(|_| layer.layer(inner.clone())).collect();
    for service in &mut services {
        assert!(poll_ready(service).is_ready());
    }
}

#[test]
fn an_answer_that_is_there_at_once_needs_no_runtime() {
    let (inner, _probe) = Strict::ok();
    assert_eq!(now(&mut client_stack("no runtime").layer(inner), 7), Ok(7));
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn waiting_without_a_runtime_is_tokios_own_panic() {
    let hang = tower::service_fn(|_: u64| std::future::pending::<Result<u64, CallError<()>>>());
    let mut service = ServiceBuilder::new().layer(TimeoutLayer::new(Duration::from_secs(1))).service(hang);
    let _ = now(&mut service, 1);
}
