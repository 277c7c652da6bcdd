//! Waiters and calls that are dropped.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_loses_nothing_to_anybody() {
    let bulkhead = queued(1, 4);
    let held = bulkhead.try_admit().unwrap();
    let mut waiters: Vec<_> = (0..4).map(|_| Box::pin(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll_once(waiter.as_mut()).is_pending());
    }
    // One in the middle, still waiting; then the first, which was just handed the permit.
    drop(waiters.remove(1));
    assert_eq!((counts(&bulkhead).waiting, counts(&bulkhead).abandoned), (3, 1));
    held.complete();
    drop(waiters.remove(0));
    let seen = counts(&bulkhead);
    assert_eq!((seen.in_flight, seen.waiting, seen.cancelled, seen.completed), (1, 1, 1, 1));
    let permit = match poll_once(waiters[0].as_mut()) {
        Poll::Ready(Ok(permit)) => permit,
        other => panic!("{other:?}"),
    };
    assert!(poll_once(waiters[1].as_mut()).is_pending());
    drop(permit);
    assert!(matches!(poll_once(waiters[1].as_mut()), Poll::Ready(Ok(_))));
    assert_eq!(counts(&bulkhead).in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_point_gives_everything_back() {
    let (inner, probe) = Strict::always(Act::Hang);
    let layer = BulkheadLayer::new(1).queue(1, LONG);
    let mut service = layer.layer(inner);
    let called = |service: &mut QueuedBulkheadService<Strict>, polls_after: u32| {
        let held = layer.bulkhead().try_admit().unwrap();
        let mut future = send(service, 1);
        assert!(poll_once(future.as_mut()).is_pending());
        held.complete();
        for _ in 0..polls_after {
            assert!(poll_once(future.as_mut()).is_pending());
        }
        drop(future);
        let seen = counts(&layer.bulkhead());
        assert_eq!((seen.in_flight, seen.waiting), (0, 0), "after {polls_after} polls");
    };
    called(&mut service, 0);
    called(&mut service, 1);
    // While the clone is not ready.
    probe.set_pending(true);
    let held = layer.bulkhead().try_admit().unwrap();
    probe.set_pending(false);
    let mut future = send(&mut service, 1);
    probe.set_pending(true);
    held.complete();
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!(counts(&layer.bulkhead()).in_flight, 1);
    drop(future);
    probe.set_pending(false);
    // Unpolled, in the queue.
    let held = layer.bulkhead().try_admit().unwrap();
    drop(send(&mut service, 1));
    assert_eq!(counts(&layer.bulkhead()).abandoned, 1);
    drop(held);
    assert_eq!((counts(&layer.bulkhead()).in_flight, probe.in_flight(), probe.violations()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn co_08_a_service_dropped_after_its_call_holds_nobody_up() {
    let (inner, _probe) = Strict::always(Act::After(MS));
    let layer = BulkheadLayer::new(1).queue(4, LONG);
    let mut service = layer.layer(inner.clone());
    let calls: Vec<_> = (0..3).map(|request| tokio::spawn(send(&mut service, request))).collect();
    let mut idle = service.clone();
    assert_eq!(poll_ready(&mut idle), Poll::Ready(Ok(())));
    drop((service, idle));
    for (request, answer) in (0..3).zip(calls) {
        assert_eq!(answer.await.unwrap(), Ok(request));
    }
}
