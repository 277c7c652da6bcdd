//! Who passes when, and who is woken.

use super::*;

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
