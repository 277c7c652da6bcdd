//! Who passes when, and who is woken.

use super::*;

#[tokio::test(start_paused = true)]
async fn rl_08_waiters_pass_one_by_one_in_order() {
    let (inner, probe) = Strict::ok();
    let service = layer().layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in 0..50 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(log.taken(), (0..50).map(|i| (i, 100 * i)).collect::<Vec<_>>());
    assert_eq!((probe.calls(), probe.violations()), (50, 0));
}

#[tokio::test(start_paused = true)]
async fn rl_08_order_holds_where_many_pass_in_one_tick_of_the_timer() {
    let (inner, _probe) = Strict::ok();
    let layer = RateLimitLayer::new(Quota::per_second(20_000).burst(1)).wait(LONG);
    let service = layer.layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in 0..1_000 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(
        log.taken().iter().map(|(request, _)| *request).collect::<Vec<_>>(),
        (0..1_000).collect::<Vec<_>>()
    );
    assert_eq!(log.1.elapsed(), 50 * MS, "a thousand at 20,000 per second");
}

#[tokio::test(start_paused = true)]
async fn rl_09_of_two_for_one_cell_the_other_waits_a_full_slot() {
    let (inner, _probe) = Strict::ok();
    let layer = layer();
    let mut service = layer.layer(inner);
    let log = Log::new();
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let tasks = [log.spawn(service.clone(), 1).await, log.spawn(service.clone(), 2).await];
    // Both are woken in the same tick.
    advance(150 * MS).await;
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(log.taken(), [(1, 150), (2, 200)]);
}

#[tokio::test(start_paused = true)]
async fn waking_late_does_not_lower_the_rate() {
    let (inner, _probe) = Strict::ok();
    let service = layer().layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in 0..5 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    // The runtime looks at its timers only at these times.
    for step in [130, 130, 130, 130] {
        advance(step * MS).await;
        yield_now().await;
        yield_now().await;
    }
    assert_eq!(log.taken(), [(0, 0), (1, 130), (2, 260), (3, 390), (4, 520)]);
    // As of 100, 200, 300 and 400 ms: the next cell is there at 500.
    assert!(call(&mut service.clone(), 9).await.is_ok());
    assert_eq!(log.1.elapsed(), 520 * MS);
}

#[tokio::test(start_paused = true)]
async fn after_a_stall_the_calls_that_piled_up_do_not_come_all_at_once() {
    let (inner, probe) = Strict::ok();
    let service = layer().layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in 0..20 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    advance(1_500 * MS).await;
    for _ in 0..100 {
        yield_now().await;
    }
    // One for the lost time and one for now.
    assert_eq!(probe.calls(), 3);
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(log.1.elapsed(), 1_500 * MS + 17 * 100 * MS);
    assert_eq!(
        log.taken().iter().map(|(request, _)| *request).collect::<Vec<_>>(),
        (0..20).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn futures_that_nobody_polls_do_not_hold_up_the_others() {
    let (inner, _probe) = Strict::ok();
    let layer = layer();
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let log = Log::new();
    let mut neglected = Vec::new();
    for request in 0..5 {
        assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
        neglected.push(Box::pin(service.call(request)));
    }
    assert_eq!(poll_once(neglected[0].as_mut()), Poll::Pending);
    let mut tasks = Vec::new();
    for request in 10..20 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    // Each at the time that it was told, or before.
    let taken = log.taken();
    for (index, (request, at)) in taken.iter().enumerate() {
        assert_eq!(*request, 10 + index as u64);
        assert!(*at <= 600 + 100 * index as u64, "{taken:?}");
    }
    // Who shows up late has lost nothing but time, and waits for a cell like anyone else.
    for future in neglected {
        assert!(future.await.is_ok());
    }
    assert_eq!(layer.limiter().snapshot().waiting, 0);
    assert!(log.1.elapsed() <= 2_100 * MS, "{:?}", log.1.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_never_passes_a_waiter() {
    let (inner, _probe) = Strict::ok();
    let layer = layer();
    let limiter = layer.limiter();
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let mut waiting = Box::pin(service.call(1));
    assert_eq!(poll_once(waiting.as_mut()), Poll::Pending);
    assert_eq!(limiter.try_admit().unwrap_err().retry_after(), Some(200 * MS), "the one ahead counts");
    assert_eq!(limiter.peek().next_cell, 200 * MS);
    // The cell is there and the waiter was not polled yet: it is the waiter's.
    advance(100 * MS).await;
    assert_eq!(limiter.try_admit().unwrap_err().retry_after(), Some(100 * MS));
    assert_eq!(poll_once(waiting.as_mut()), Poll::Ready(Ok(1)));
    assert_eq!(limiter.try_admit().unwrap_err().retry_after(), Some(100 * MS));
}

#[tokio::test(start_paused = true)]
async fn costs_count_in_the_queue() {
    let (inner, _probe) = Strict::ok();
    let layer = RateLimitLayer::new(Quota::per_second(10)).cost(|request: &u64| *request as u32).wait(LONG);
    let service = layer.layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in [10, 10, 1, 5, 0] {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    let rejected = rejection(call(&mut service.clone(), 11).await);
    assert_eq!(rejected.kind(), RejectedKind::CostAboveBurst);
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    // The dear one is not passed by the cheap one behind it; what is free of charge waits for nobody.
    assert_eq!(log.taken(), [(10, 0), (0, 0), (10, 1_000), (1, 1_100), (5, 1_600)]);
}

#[derive(Default)]
struct Woken(AtomicBool, AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
        self.1.fetch_add(1, SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn rl_08_each_waiter_is_woken_when_it_is_first_and_when_its_cell_is_there() {
    let limiter = RateLimiter::new(TENTHS);
    limiter.try_admit().unwrap();
    let mut waiters: Vec<_> =
        (0..100).map(|_| (Box::pin(limiter.acquire()), Arc::new(Woken::default()))).collect();
    let mut polls = 0;
    fn look<F: Future>(waiter: &mut Pin<Box<F>>, woken: &Arc<Woken>) -> Poll<F::Output> {
        waiter.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
    }
    for (waiter, woken) in &mut waiters {
        polls += 1;
        assert!(look(waiter, woken).is_pending());
    }
    let mut wakes = 0;
    for passed in 0..100 {
        advance(100 * MS).await;
        // Only who was woken looks; nobody is woken by its own look.
        waiters.retain_mut(|(waiter, woken)| {
            let is_woken = woken.0.swap(false, SeqCst);
            polls += u32::from(is_woken);
            let is_through = is_woken && look(waiter, woken).is_ready();
            if is_through {
                wakes += woken.1.load(SeqCst);
            }
            !is_through
        });
        assert_eq!(waiters.len(), 99 - passed);
    }
    // First each queues; then it is told that it is first, and sets its timer; then that timer fires.
    assert_eq!((polls, wakes), (100 + 100 + 99, 100 + 99));
}
