//! Runtimes of every flavour, started late, stopped early.

use std::time::Duration;

use buttress::{
    BulkheadLayer, CallError, Quota, RateLimitLayer, RejectedKind, RetryLayer, RetryPolicy, TimeoutLayer,
    client_stack,
};
use tower::{Layer, Service, ServiceBuilder};

use crate::support::{Act, Strict, call, now, poll_once, poll_ready, rejection};

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
fn a_call_that_is_going_to_wait_is_made_outside_a_runtime() {
    let second = Duration::from_secs(1);
    let queue = BulkheadLayer::new(1).queue(1, 60 * second);
    let held = queue.bulkhead().try_admit().unwrap();
    let key = |request: &u64| Some(*request);
    let keyed = BulkheadLayer::per_key(1, key).queue(1, 60 * second);
    let held_of_one = keyed.bulkhead().try_admit(&1_u64).unwrap();
    let limit = RateLimitLayer::new(Quota::every(second)).wait(60 * second);
    limit.limiter().try_admit().unwrap();
    let failing = Strict::new(|number, _| if number == 0 { Act::Err } else { Act::Ok }).0;

    let mut queue = queue.layer(Strict::ok().0);
    let mut keyed = keyed.layer(Strict::ok().0);
    let mut limit = limit.layer(Strict::ok().0);
    let mut retry = RetryLayer::new(RetryPolicy::default()).layer(failing);
    let mut timeout = TimeoutLayer::new(second).layer(Strict::always(Act::Hang).0);
    assert!(poll_ready(&mut queue).is_ready() && poll_ready(&mut keyed).is_ready());
    assert!(poll_ready(&mut limit).is_ready() && poll_ready(&mut retry).is_ready());
    assert!(poll_ready(&mut timeout).is_ready());
    // Whoever made a timer here would panic.
    let calls = (queue.call(1), keyed.call(1), limit.call(1), retry.call(1), timeout.call(1));

    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(async {
        let (mut queued, mut keyed) = (Box::pin(calls.0), Box::pin(calls.1));
        assert!(poll_once(queued.as_mut()).is_pending() && poll_once(keyed.as_mut()).is_pending());
        drop((held, held_of_one));
        assert_eq!((queued.await, keyed.await, calls.2.await, calls.3.await), (Ok(1), Ok(1), Ok(1), Ok(1)));
        assert_eq!(rejection(calls.4.await).kind(), RejectedKind::TimedOut);
    });
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn waiting_without_a_runtime_is_tokios_own_panic() {
    let hang = tower::service_fn(|_: u64| std::future::pending::<Result<u64, CallError<()>>>());
    let mut service = ServiceBuilder::new().layer(TimeoutLayer::new(Duration::from_secs(1))).service(hang);
    let _ = now(&mut service, 1);
}
