//! What becomes of the inner service meanwhile.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_admitted_at_once_clones_nothing() {
    let (inner, probe) = Strict::ok();
    let mut service = BulkheadLayer::new(1).queue(1, LONG).layer(inner);
    let made = probe.clones();
    for request in 0..100 {
        assert_eq!(call(&mut service, request).await, Ok(request));
    }
    assert_eq!((probe.clones(), probe.violations()), (made, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_goes_to_a_clone_that_is_ready() {
    let (inner, probe) = Strict::ok();
    let layer = BulkheadLayer::new(1).queue(1, LONG);
    let mut service = layer.layer(inner);
    let held = layer.bulkhead().try_admit().unwrap();
    let waiter = tokio::spawn(send(&mut service, 1));
    tokio::task::yield_now().await;
    probe.set_pending(true);
    held.complete();
    tokio::task::yield_now().await;
    assert_eq!((probe.waiting(), probe.calls(), counts(&layer.bulkhead()).in_flight), (1, 0, 1));
    probe.set_pending(false);
    assert_eq!(waiter.await.unwrap(), Ok(1));
    assert_eq!(probe.violations(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_breaks_while_a_call_waits_tells_it_so() {
    let (inner, probe) = Strict::ok();
    let layer = BulkheadLayer::new(1).queue(1, LONG);
    let mut service = layer.layer(inner);
    let held = layer.bulkhead().try_admit().unwrap();
    let waiter = send(&mut service, 1);
    probe.set_broken();
    held.complete();
    assert_eq!(waiter.await, Err(Fail::Inner(TestError(u64::MAX))));
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.in_flight, seen.completed, probe.calls()), (0, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_inner_service_reserves_is_not_held_while_waiting() {
    // Two permits below: were they held by those who wait in readied services, the one who is called
    // would wait for them for ever.
    let (inner, probe) = Strict::always(Act::After(MS));
    let below = ConcurrencyLimitLayer::new(2).layer(inner);
    let layer = BulkheadLayer::new(1).queue(10, LONG);
    let service = layer.layer(below);
    let calls: Vec<_> = (0..10)
        .map(|request| {
            let mut service = service.clone();
            // The readied service stays where it is until the answer has come.
            tokio::spawn(async move { call(&mut service, request).await })
        })
        .collect();
    for (request, answer) in (0..10).zip(calls) {
        let answer = tokio::time::timeout(LONG / 2, answer).await.expect("stuck");
        assert_eq!(answer.unwrap(), Ok(request));
    }
    assert_eq!((probe.peak(), probe.violations()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_answers_although_the_inner_service_is_pending() {
    let (inner, probe) = Strict::ok();
    let layer = BulkheadLayer::new(1).queue(1, LONG);
    let mut service = layer.layer(inner);
    let held = layer.bulkhead().try_admit().unwrap();
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Pending, "there is a place in the queue");
    let bulkhead = layer.bulkhead();
    let mut waiter = Box::pin(bulkhead.acquire());
    assert!(poll_once(waiter.as_mut()).is_pending());
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    drop((waiter, held));
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    assert_eq!(rejection(service.call(1).await).kind(), RejectedKind::QueueFull);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    assert_eq!((probe.calls(), counts(&layer.bulkhead()).queue_full), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn co_07_a_call_without_readiness_takes_no_place() {
    let (inner, probe) = Strict::ok();
    let layer = BulkheadLayer::new(1).queue(1, LONG);
    let mut service = layer.layer(inner);
    let _held = layer.bulkhead().try_admit().unwrap();
    let future = service.call(1);
    assert_eq!(counts(&layer.bulkhead()).waiting, 0);
    assert_eq!(rejection(future.await).kind(), RejectedKind::NotReady);
    assert_eq!(probe.calls(), 0);
}

/// A service whose clones panic when they are asked for readiness.
#[derive(Debug)]
struct Fragile {
    is_clone: bool,
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        Self { is_clone: true }
    }
}

impl Service<u64> for Fragile {
    type Response = u64;
    type Error = CallError<()>;
    type Future = std::future::Ready<Result<u64, CallError<()>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        assert!(!self.is_clone, "scripted panic in poll_ready");
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        std::future::ready(Ok(request))
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_clone_reaches_the_caller_and_gives_everything_back() {
    let layer = BulkheadLayer::new(1).queue(1, LONG);
    let mut service = layer.layer(Fragile { is_clone: false });
    let held = layer.bulkhead().try_admit().unwrap();
    let mut future = send(&mut service, 1);
    held.complete();
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut()))).is_err());
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.in_flight, seen.waiting, seen.panicked), (0, 0, 1));
    drop(future);
    assert_eq!(counts(&layer.bulkhead()), seen);
}
