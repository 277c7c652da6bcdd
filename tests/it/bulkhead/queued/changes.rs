//! Limits and modes that change while calls wait.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_limit_moves_at_run_time() {
    let bulkhead = queued(1, 8);
    let held = bulkhead.try_admit().unwrap();
    let mut waiters: Vec<_> = (0..4)
        .map(|_| {
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move { bulkhead.acquire().await.unwrap() })
        })
        .collect();
    tokio::task::yield_now().await;
    bulkhead.set_limit(3).unwrap();
    let permits = [waiters.remove(0).await.unwrap(), waiters.remove(0).await.unwrap()];
    assert_eq!((counts(&bulkhead).in_flight, counts(&bulkhead).waiting), (3, 2));
    bulkhead.set_limit(1).unwrap();
    drop(permits);
    tokio::task::yield_now().await;
    assert_eq!((counts(&bulkhead).in_flight, counts(&bulkhead).waiting), (1, 2));
    held.complete();
    waiters.remove(0).await.unwrap().complete();
    waiters.remove(0).await.unwrap().complete();
    assert_eq!((counts(&bulkhead).in_flight, counts(&bulkhead).completed), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_keep_their_place_in_a_shorter_queue() {
    let bulkhead = queued(1, 3);
    let held = bulkhead.try_admit().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll_once(waiter.as_mut()).is_pending());
    }
    bulkhead.set_queue(1, MS).unwrap();
    let full = bulkhead.acquire().await.unwrap_err();
    assert_eq!(full.kind(), RejectedKind::QueueFull);
    held.complete();
    for waiter in waiters {
        waiter.await.unwrap().complete();
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_nobody_waits() {
    let bulkhead = Bulkhead::new(1);
    let _held = bulkhead.acquire().await.unwrap();
    assert_eq!(bulkhead.acquire().await.unwrap_err().kind(), RejectedKind::BulkheadFull);
}

#[tokio::test(start_paused = true)]
async fn a_layer_without_a_queue_on_the_same_engine_passes_nobody() {
    let queued = BulkheadLayer::new(1).queue(4, LONG);
    let mut at_once = BulkheadLayer::from_bulkhead(queued.bulkhead()).layer(Strict::ok().0);
    let bulkhead = queued.bulkhead();
    let held = bulkhead.try_admit().unwrap();
    let mut waiter = Box::pin(bulkhead.acquire());
    assert!(poll_once(waiter.as_mut()).is_pending());
    held.complete();
    assert_eq!(rejection(now(&mut at_once, 1)).kind(), RejectedKind::BulkheadFull);
    drop(waiter.await.unwrap());
    assert_eq!(now(&mut at_once, 1), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_keeps_nobody_waiting() {
    let bulkhead = queued(1, 4);
    let _held = bulkhead.try_admit().unwrap();
    let waiters: Vec<_> = (0..2)
        .map(|_| {
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move { bulkhead.acquire().await })
        })
        .collect();
    tokio::task::yield_now().await;
    let start = Instant::now();
    bulkhead.set_dry_run(true);
    for waiter in waiters {
        waiter.await.unwrap().unwrap().complete();
    }
    bulkhead.acquire().await.unwrap().complete();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let seen = counts(&bulkhead);
    assert_eq!((seen.would_reject, seen.completed, seen.in_flight, seen.waiting), (3, 3, 1, 0));
}
