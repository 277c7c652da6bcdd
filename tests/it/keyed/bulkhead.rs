use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};

use buttress::{BulkheadLayer, KeyedBulkhead, Overflow, RejectedKind};
use tokio::time::{Instant, advance};
use tower::{Layer, Service};

use super::{MILLISECOND, SECOND};
use crate::support::{Act, Strict, call, now, poll_once, poll_ready, rejection};

fn assert_laws(bulkhead: &KeyedBulkhead) {
    let s = bulkhead.snapshot();
    assert_eq!(s.calls, s.admitted + s.rejected, "{s:?}");
    assert_eq!(s.admitted, s.completed + s.cancelled + s.in_flight, "{s:?}");
    assert!(s.keys <= s.max_keys, "{s:?}");
}

#[test]
fn one_slow_shard_of_sixteen_fills_alone() {
    let (inner, _probe) = Strict::new(|_, id| if id % 16 == 7 { Act::Hang } else { Act::Ok });
    let layer = BulkheadLayer::per_key(4, |id: &u64| Some(id % 16)).name("storage");
    let (bulkhead, mut service) = (layer.bulkhead(), layer.layer(inner));
    let mut hanging = Vec::new();
    for id in 0..160 {
        assert!(poll_ready(&mut service).is_ready());
        let mut future = Box::pin(service.call(id));
        match (poll_once(future.as_mut()), id % 16 == 7) {
            (Poll::Pending, true) => hanging.push(future),
            (Poll::Ready(result), true) => {
                let rejected = rejection(result);
                assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::BulkheadFull, "storage"));
            }
            (answer, false) => assert_eq!(answer, Poll::Ready(Ok(id))),
        }
    }
    let s = bulkhead.snapshot();
    assert_eq!((hanging.len(), s.in_flight, s.full, s.full_keys, s.keys), (4, 4, 6, 1, 16));
    let worst = bulkhead.worst(1);
    assert_eq!((worst[0].key.as_str(), worst[0].bulkhead.in_flight, worst[0].bulkhead.limit), ("7", 4, 4));
    drop(hanging);
    let s = bulkhead.snapshot();
    assert_eq!((s.in_flight, s.cancelled, s.completed), (0, 4, 150));
    assert_laws(&bulkhead);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_queue_of_its_own() {
    let layer = BulkheadLayer::per_key(1, |id: &u64| Some(id % 2)).queue(1, SECOND);
    let mut service = layer.layer(Strict::always(Act::After(3 * SECOND / 4)).0);
    let begin = Instant::now();
    let mut calls: Vec<_> = (0..2_u64)
        .map(|id| {
            let mut service = service.clone();
            tokio::spawn(async move { call(&mut service, id).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for id in 2..4 {
        let mut service = service.clone();
        calls.push(tokio::spawn(async move { call(&mut service, id).await }));
    }
    tokio::task::yield_now().await;
    let s = layer.bulkhead().snapshot();
    assert_eq!((s.in_flight, s.waiting), (2, 2));
    let rejected = rejection(call(&mut service, 4).await);
    assert_eq!(rejected.kind(), RejectedKind::QueueFull);
    for (id, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), Ok(id as u64));
    }
    assert_eq!(begin.elapsed(), 3 * SECOND / 2);
    assert_eq!(layer.bulkhead().snapshot().queue_wait.count(), 2);
    assert_laws(&layer.bulkhead());
}

#[tokio::test(start_paused = true)]
async fn only_keys_without_calls_and_waiters_give_way() {
    let bulkhead = KeyedBulkhead::new(1);
    bulkhead.set_queue(1, 10 * SECOND).unwrap();
    bulkhead.set_max_keys(2).unwrap();
    let first = bulkhead.try_admit("first").unwrap();
    let second = bulkhead.try_admit("second").unwrap();
    let other = bulkhead.clone();
    let waiting = tokio::spawn(async move { other.acquire("second").await });
    tokio::task::yield_now().await;
    bulkhead.try_admit("third").unwrap().complete();
    assert_eq!((bulkhead.len(), bulkhead.snapshot().overflowed), (2, 1));
    assert!(bulkhead.get("first").is_some() && bulkhead.get("second").is_some());
    second.complete();
    let second = waiting.await.unwrap().unwrap();
    advance(MILLISECOND).await;
    bulkhead.try_admit("third").unwrap().complete();
    assert_eq!(bulkhead.snapshot().overflowed, 2, "the one who waited is in flight now");
    drop(first);
    advance(MILLISECOND).await;
    bulkhead.try_admit("third").unwrap().complete();
    assert!(bulkhead.get("first").is_none() && bulkhead.get("third").is_some());
    second.complete();
    let s = bulkhead.snapshot();
    assert_eq!((s.admitted, s.completed, s.cancelled, s.keys), (6, 5, 1, 2));
    assert_laws(&bulkhead);
}

#[test]
fn strangers_share_a_limit_or_are_rejected() {
    for (overflow, rejected) in [(Overflow::Share, 1), (Overflow::Reject, 2)] {
        let bulkhead = KeyedBulkhead::new(1);
        bulkhead.set_max_keys(1).unwrap();
        bulkhead.set_overflow(overflow);
        let _held = bulkhead.try_admit(&0_u64).unwrap();
        let _one = bulkhead.try_admit(&1_u64);
        assert_eq!(bulkhead.try_admit(&2_u64).unwrap_err().kind(), RejectedKind::BulkheadFull);
        let s = bulkhead.snapshot();
        assert_eq!((s.overflowed, s.rejected, s.full, s.keys), (2, rejected, rejected, 1));
        bulkhead.set_dry_run(true);
        bulkhead.try_admit(&3_u64).unwrap().complete();
        assert_eq!(bulkhead.snapshot().would_reject, 1);
        assert_laws(&bulkhead);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_key_is_not_limited() {
    let (inner, _probe) = Strict::always(Act::Hang);
    let layer = BulkheadLayer::per_key(1, |id: &u64| (*id > 0).then_some(*id));
    let mut service = layer.layer(inner);
    let mut futures = Vec::new();
    for _ in 0..100 {
        assert!(poll_ready(&mut service).is_ready());
        let mut future = Box::pin(service.call(0));
        assert!(poll_once(future.as_mut()).is_pending());
        futures.push(future);
    }
    let s = layer.bulkhead().snapshot();
    assert_eq!((s.unlimited, s.in_flight, s.keys, s.full_keys), (100, 100, 0, 0));
    drop(futures);
    assert_eq!(layer.bulkhead().snapshot().cancelled, 100);
    assert_laws(&layer.bulkhead());
}

#[tokio::test(start_paused = true)]
async fn a_new_limit_reaches_all_keys_and_admits_who_waits() {
    let bulkhead = KeyedBulkhead::new(1);
    bulkhead.set_queue(1, 10 * SECOND).unwrap();
    let _held = bulkhead.try_admit("ada").unwrap();
    let other = bulkhead.clone();
    let waiting = tokio::spawn(async move { other.acquire("ada").await });
    tokio::task::yield_now().await;
    bulkhead.set_limit(2).unwrap();
    let _second = waiting.await.unwrap().unwrap();
    let _both = [1, 2].map(|_| bulkhead.try_admit("grace").unwrap());
    assert!(bulkhead.try_admit("grace").is_err());
    assert_eq!((bulkhead.snapshot().limit, bulkhead.get("ada").unwrap().snapshot().limit), (2, 2));
    assert!(bulkhead.set_limit(0).is_err() && bulkhead.set_queue(1, std::time::Duration::ZERO).is_err());
}

#[tokio::test(start_paused = true)]
async fn cancelled_and_panicking_calls_free_their_places() {
    let (inner, probe) = Strict::new(|_, request| match request {
        0 => Act::Hang,
        1 => Act::PanicInPoll,
        2 => Act::PanicInCall,
        _ => Act::Ok,
    });
    let layer = BulkheadLayer::per_key(1, |_: &u64| Some(())).queue(1, SECOND);
    let mut service = layer.layer(inner.clone());
    for _ in 0..3 {
        assert!(poll_ready(&mut service).is_ready());
        let mut hangs = Box::pin(service.call(0));
        assert!(poll_once(hangs.as_mut()).is_pending());
        assert!(poll_ready(&mut service).is_ready());
        let mut waits = Box::pin(service.call(5));
        assert!(poll_once(waits.as_mut()).is_pending());
        drop(waits);
        drop(hangs);
        for panics in [1, 2] {
            let mut service = layer.layer(inner.clone());
            assert!(catch_unwind(AssertUnwindSafe(|| now(&mut service, panics))).is_err());
        }
        assert_eq!(call(&mut service, 5).await, Ok(5));
    }
    advance(SECOND).await;
    let s = layer.bulkhead().snapshot();
    assert_eq!((s.cancelled, s.panicked, s.abandoned, s.completed), (9, 6, 3, 3));
    assert_eq!((s.in_flight, s.waiting, probe.violations()), (0, 0, 0));
    assert_laws(&layer.bulkhead());
}

/// Notes what is counted when it is woken: cancelled, panicked.
struct Look(KeyedBulkhead, Mutex<Vec<(u64, u64)>>);

impl Wake for Look {
    fn wake(self: Arc<Self>) {
        let s = self.0.snapshot();
        self.1.lock().unwrap().push((s.cancelled, s.panicked));
    }
}

/// It was counted after the place was given back, and the counts of a key that went in between are those of before.
#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_before_its_place_is_given_back() {
    let bulkhead = KeyedBulkhead::new(1);
    bulkhead.set_queue(1, SECOND).unwrap();
    let permit = bulkhead.try_admit("ada").unwrap();
    let look = Arc::new(Look(bulkhead.clone(), Mutex::default()));
    let mut waiting = pin!(bulkhead.acquire("ada"));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&Arc::clone(&look).into())).is_pending());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _permit = permit;
        std::panic::panic_any("in a call");
    }));
    assert!(panicked.is_err());
    assert_eq!(*look.1.lock().unwrap(), [(1, 1)]);
}

#[test]
fn two_threads_never_exceed_a_limit_and_lose_no_call() {
    const EACH: u64 = 20_000;
    let bulkhead = KeyedBulkhead::new(1);
    bulkhead.set_max_keys(8).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            let bulkhead = &bulkhead;
            scope.spawn(move || {
                for call in 0..EACH {
                    let Ok(permit) = bulkhead.try_admit(&(call * (thread + 1) % 20)) else { continue };
                    if call % 10 == 0 {
                        drop(permit);
                    } else {
                        permit.complete();
                    }
                }
            });
        }
        for _ in 0..50 {
            assert_laws(&bulkhead);
            assert!(bulkhead.worst(9).iter().all(|of| of.bulkhead.in_flight <= 1));
        }
    });
    let s = bulkhead.snapshot();
    assert_eq!((s.calls, s.in_flight), (2 * EACH, 0));
}

#[test]
fn forks_stand_alone() {
    let layer = BulkheadLayer::per_key(1, |id: &u64| Some(*id)).name("eu");
    let _held = layer.bulkhead().try_admit(&1_u64).unwrap();
    let fork = layer.fork("us");
    let (mut ours, mut theirs) = (layer.layer(Strict::ok().0), fork.layer(Strict::ok().0));
    assert_eq!(rejection(now(&mut ours, 1)).name(), "eu");
    assert_eq!(now(&mut theirs, 1), Ok(1));
    let (eu, us) = (layer.bulkhead().snapshot(), fork.bulkhead().snapshot());
    assert_eq!((eu.calls, eu.full, us.calls, us.limit), (2, 1, 1, 1));
    fork.bulkhead().set_limit(2).unwrap();
    assert_eq!(layer.bulkhead().snapshot().limit, 1);
}
