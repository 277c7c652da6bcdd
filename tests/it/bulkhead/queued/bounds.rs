//! How long a call may wait.

use super::*;

#[tokio::test(start_paused = true)]
async fn bh_04_a_waiter_is_rejected_at_the_longest_wait() {
    let (inner, probe) = Strict::always(Act::Hang);
    let layer = BulkheadLayer::new(1).queue(4, 50 * MS).name("reports");
    let mut service = layer.layer(inner);
    let _held = send(&mut service, 0);
    let start = Instant::now();
    let mut waiter = send(&mut service, 1);
    tokio::time::advance(49 * MS).await;
    assert!(poll_once(waiter.as_mut()).is_pending());
    let rejected = rejection(waiter.await);
    assert_eq!(start.elapsed(), 50 * MS);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::QueueTimeout, false));
    assert_eq!(rejected.to_string(), "waited too long in the queue of bulkhead `reports`");
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.in_flight, seen.waiting, seen.queue_timeout), (1, 0, 1));
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_was_called_at_the_last_moment_is_admitted() {
    let bulkhead = queued(1, 1);
    bulkhead.set_queue(1, 50 * MS).unwrap();
    let held = bulkhead.try_admit().unwrap();
    let mut waiter = Box::pin(bulkhead.acquire());
    assert!(poll_once(waiter.as_mut()).is_pending());
    tokio::time::advance(80 * MS).await;
    held.complete();
    assert!(matches!(poll_once(waiter.as_mut()), Poll::Ready(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn the_wait_ends_at_the_callers_deadline() {
    let (inner, probe) = Strict::always(Act::Hang);
    let layer = BulkheadLayer::new(1).queue(4, 50 * MS);
    let _held = layer.bulkhead().try_admit().unwrap();
    let start = Instant::now();
    // The rejection wins over the time-out at the same moment: it can tell that nothing was sent.
    let mut service = TimeoutLayer::new(20 * MS).layer(layer.layer(inner));
    let rejected = rejection(call(&mut service, 1).await);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::QueueTimeout, false));
    assert_eq!(start.elapsed(), 20 * MS);
    // A later deadline changes nothing.
    let bulkhead = layer.bulkhead();
    let within = deadline::scope(Some(Deadline::after(LONG)), bulkhead.acquire()).await;
    assert_eq!(within.unwrap_err().kind(), RejectedKind::QueueTimeout);
    assert_eq!(start.elapsed(), 70 * MS);
    assert_eq!((probe.calls(), counts(&layer.bulkhead()).queue_timeout), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_wait_after_the_deadline_is_not_begun() {
    let bulkhead = queued(1, 4);
    let held = bulkhead.try_admit().unwrap();
    let passed = Deadline::after(Duration::ZERO);
    tokio::time::advance(MS).await;
    let mut late = Box::pin(deadline::scope(Some(passed), bulkhead.acquire()));
    match poll_once(late.as_mut()) {
        Poll::Ready(Err(rejected)) => assert_eq!(rejected.kind(), RejectedKind::QueueTimeout),
        other => panic!("{other:?}"),
    }
    // With room there is nothing to wait for, and it is not our business to refuse it.
    held.complete();
    assert!(deadline::scope(Some(passed), bulkhead.acquire()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_limit_needs_no_timer_and_ends_with_the_deadline() {
    let bulkhead = queued(1, 1);
    bulkhead.set_queue(1, Duration::MAX).unwrap();
    let held = bulkhead.try_admit().unwrap();
    let waiting = {
        let bulkhead = bulkhead.clone();
        // On a thread without a runtime.
        std::thread::spawn(move || poll_once(std::pin::pin!(bulkhead.acquire())).is_pending())
    };
    assert!(waiting.join().unwrap());
    let start = Instant::now();
    let within = deadline::scope(Some(Deadline::after(7 * MS)), bulkhead.acquire()).await;
    assert_eq!(within.unwrap_err().kind(), RejectedKind::QueueTimeout);
    assert_eq!(start.elapsed(), 7 * MS);
    held.complete();
}
