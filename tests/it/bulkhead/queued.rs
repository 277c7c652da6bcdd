use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use buttress::bulkhead::QueuedBulkheadService;
use buttress::deadline::{self, Deadline};
use buttress::{Bulkhead, BulkheadLayer, CallError, RejectedKind, TimeoutLayer};
use tokio::time::Instant;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service};

use super::{counts, send};
use crate::support::{Act, Fail, Strict, TestError, call, now, poll_once, poll_ready, rejection};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3_600);

fn queued(limit: usize, len: usize) -> Bulkhead {
    let bulkhead = Bulkhead::new(limit);
    bulkhead.set_queue(len, LONG).unwrap();
    bulkhead
}

#[tokio::test(start_paused = true)]
async fn bh_03_the_queue_is_bounded_and_first_in_first_out() {
    let (inner, probe) = Strict::new(|_, request| Act::After((request + 1) as u32 * MS));
    let layer = BulkheadLayer::new(8).queue(16, LONG).name("reports");
    let mut service = layer.layer(inner);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut calls = Vec::new();
    for request in 0..24 {
        let (future, order) = (send(&mut service, request), Arc::clone(&order));
        calls.push(tokio::spawn(async move {
            let answer = future.await;
            order.lock().unwrap().push(answer.unwrap());
        }));
    }
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.in_flight, seen.waiting, probe.calls()), (8, 16, 8));
    let rejected = rejection(now(&mut service, 24));
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::QueueFull, false));
    assert_eq!(rejected.to_string(), "queue of bulkhead `reports` is full");
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(probe.peak(), 8);
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.completed, seen.queue_full, seen.waiting), (24, 1, 0));
    assert_eq!(order.lock().unwrap().len(), 24);
}

#[tokio::test(start_paused = true)]
async fn bh_03_each_release_admits_the_oldest() {
    let bulkhead = queued(1, 16);
    let mut held = bulkhead.try_admit().unwrap();
    let mut waiters: Vec<_> = (0..16).map(|_| Box::pin(bulkhead.acquire())).collect();
    for waiter in &mut waiters {
        assert!(poll_once(waiter.as_mut()).is_pending());
    }
    for first in 0..16 {
        held.complete();
        assert!(bulkhead.try_admit().is_err(), "a newcomer passed a waiter");
        for later in &mut waiters[first + 1..] {
            assert!(poll_once(later.as_mut()).is_pending());
        }
        match poll_once(waiters[first].as_mut()) {
            Poll::Ready(Ok(permit)) => held = permit,
            other => panic!("{first}: {other:?}"),
        }
    }
}

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

struct CountWakes(AtomicU64);

impl Wake for CountWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn bh_16_one_release_wakes_one_waiter() {
    let bulkhead = queued(1, 1_000);
    let wakes = Arc::new(CountWakes(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut held = bulkhead.try_admit().unwrap();
    let mut waiters: Vec<_> = (0..1_000).map(|_| Box::pin(bulkhead.acquire())).collect();
    let mut polls = 0;
    for waiter in &mut waiters {
        polls += 1;
        assert!(waiter.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    for (released, waiter) in waiters.iter_mut().enumerate() {
        assert_eq!(wakes.0.load(SeqCst), released as u64);
        held.complete();
        polls += 1;
        match waiter.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(permit)) => held = permit,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((wakes.0.load(SeqCst), polls), (1_000, 2_000));
}

#[tokio::test(start_paused = true)]
async fn the_waker_of_the_latest_poll_is_woken() {
    let bulkhead = queued(1, 1);
    let held = bulkhead.try_admit().unwrap();
    let mut waiter = Box::pin(bulkhead.acquire());
    let wakes = [(); 2].map(|()| Arc::new(CountWakes(AtomicU64::new(0))));
    for counter in &wakes {
        let waker = Waker::from(Arc::clone(counter));
        assert!(waiter.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    held.complete();
    assert_eq!(wakes.map(|counter| counter.0.load(SeqCst)), [0, 1]);
}

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
