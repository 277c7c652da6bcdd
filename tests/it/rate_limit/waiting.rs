use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use buttress::deadline::{Deadline, scope};
use buttress::rate_limit::Waiting;
use buttress::{Quota, RateLimitLayer, RateLimiter, RejectedKind};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service};

use crate::support::{Act, Fail, Strict, TestError, call, poll_once, poll_ready, rejection};

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3_600);
/// One cell each 100 ms.
const TENTHS: Quota = Quota::per_second(10).burst(1);

fn layer() -> RateLimitLayer<Waiting> {
    RateLimitLayer::new(TENTHS).wait(LONG)
}

/// Who came through, and when.
#[derive(Clone)]
struct Log(Arc<Mutex<Vec<(u64, u64)>>>, Instant);

impl Log {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    /// Calls in a task of its own and notes when that ended; the queue has the call when this returns.
    async fn spawn<S>(&self, mut service: S, request: u64) -> JoinHandle<Result<u64, Fail>>
    where
        S: Service<u64, Response = u64, Error = Fail, Future: Send> + Send + 'static,
    {
        let log = self.clone();
        let task = tokio::spawn(async move {
            let result = call(&mut service, request).await;
            log.0.lock().unwrap().push((request, log.1.elapsed().as_millis() as u64));
            result
        });
        yield_now().await;
        task
    }

    fn taken(&self) -> Vec<(u64, u64)> {
        self.0.lock().unwrap().clone()
    }
}

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
async fn rl_10_those_behind_a_dropped_waiter_move_up() {
    let (inner, probe) = Strict::ok();
    let layer = layer();
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in 1..=10 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    assert_eq!(layer.limiter().snapshot().waiting, 10);
    advance(50 * MS).await;
    tasks.remove(4).abort();
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    let expected =
        [(1, 100), (2, 200), (3, 300), (4, 400), (6, 500), (7, 600), (8, 700), (9, 800), (10, 900)];
    assert_eq!(log.taken(), expected);
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.admitted, counts.rejected, counts.abandoned, counts.waiting), (10, 0, 1, 0));
    assert_eq!((probe.calls(), probe.violations()), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_first_hands_on_to_the_second() {
    let (inner, _probe) = Strict::ok();
    let layer = layer();
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let log = Log::new();
    let first = log.spawn(service.clone(), 1).await;
    let second = log.spawn(service.clone(), 2).await;
    first.abort();
    assert!(second.await.unwrap().is_ok());
    assert_eq!(log.taken(), [(2, 100)]);
}

#[tokio::test(start_paused = true)]
async fn dropped_waiters_have_taken_nothing() {
    let (inner, probe) = Strict::ok();
    let layer = layer();
    let limiter = layer.limiter();
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let before = limiter.peek();
    for _ in 0..1_000 {
        assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
        drop(service.call(1));
        assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
        let mut waiting = Box::pin(service.call(2));
        assert_eq!(poll_once(waiting.as_mut()), Poll::Pending);
        assert_eq!(limiter.snapshot().waiting, 1);
        drop(waiting);
    }
    assert_eq!(limiter.peek(), before);
    let counts = limiter.snapshot();
    assert_eq!((counts.calls, counts.abandoned, counts.waiting), (1, 2_000, 0));
    assert_eq!((probe.calls(), probe.violations()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_too_long_is_told_at_once_how_long() {
    let (inner, probe) = Strict::ok();
    let layer = RateLimitLayer::new(TENTHS).wait(250 * MS).name("slow");
    let service = layer.layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in 0..3 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    let rejected = rejection(call(&mut service.clone(), 3).await);
    assert_eq!(log.1.elapsed(), Duration::ZERO);
    assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::RateLimited, "slow"));
    assert_eq!(rejected.retry_after(), Some(300 * MS), "the two that wait count");
    // A wait of exactly the longest is none too long.
    advance(50 * MS).await;
    tasks.push(log.spawn(service.clone(), 4).await);
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(log.taken(), [(0, 0), (1, 100), (2, 200), (4, 300)]);
    assert_eq!(probe.calls(), 4);
    assert_eq!(layer.limiter().max_wait(), 250 * MS);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_callers_deadline() {
    let (inner, _probe) = Strict::ok();
    let mut service = layer().layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let start = Instant::now();
    let rejected = rejection(scope(Some(Deadline::after(99 * MS)), call(&mut service, 1)).await);
    assert_eq!((start.elapsed(), rejected.retry_after()), (Duration::ZERO, Some(100 * MS)));
    let within = scope(Some(Deadline::after(100 * MS)), call(&mut service, 2));
    assert_eq!((within.await, start.elapsed()), (Ok(2), 100 * MS));
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

#[tokio::test(start_paused = true)]
async fn a_new_quota_schedules_the_waiters_anew() {
    let (inner, _probe) = Strict::ok();
    let layer = RateLimitLayer::new(TENTHS).wait(Duration::from_secs(1));
    let limiter = layer.limiter();
    let service = layer.layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in 0..5 {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    // Half of the first waiter's cell is there; the other half takes half of the new interval.
    advance(50 * MS).await;
    limiter.set_quota(Quota::per_second(50).burst(1)).unwrap();
    yield_now().await;
    advance(10 * MS).await;
    yield_now().await;
    advance(20 * MS).await;
    yield_now().await;
    assert_eq!(log.taken(), [(0, 0), (1, 60), (2, 80)]);
    // Half a second per cell from here on: the third is in time, the fourth would not be.
    limiter.set_quota(Quota::per_second(2).burst(1)).unwrap();
    let results: Vec<_> = {
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    };
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    let rejected = rejection(results[4].clone());
    assert_eq!((rejected.kind(), rejected.retry_after()), (RejectedKind::RateLimited, Some(960 * MS)));
    assert_eq!(
        log.taken()[3..],
        [(4, 120), (3, 580)],
        "told when its turn would have come, by what it was told last"
    );
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_costs_more_than_the_new_burst_is_rejected() {
    let (inner, _probe) = Strict::ok();
    let layer = RateLimitLayer::new(Quota::per_second(10)).cost(|request: &u64| *request as u32).wait(LONG);
    let limiter = layer.limiter();
    let service = layer.layer(inner);
    let log = Log::new();
    let mut tasks = Vec::new();
    for request in [10, 8, 2] {
        tasks.push(log.spawn(service.clone(), request).await);
    }
    limiter.set_quota(Quota::per_second(10).burst(5)).unwrap();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    assert_eq!(rejection(results[1].clone()).kind(), RejectedKind::CostAboveBurst);
    assert_eq!((log.taken(), results[2].clone()), (vec![(10, 0), (8, 0), (2, 700)], Ok(2)));
}

#[tokio::test(start_paused = true)]
async fn after_the_wait_the_inner_service_is_readied_and_called() {
    let (inner, probe) = Strict::ok();
    let mut service = layer().layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let clones = probe.clones();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let waiting = tokio::spawn(service.call(1));
    // Meanwhile the service takes other calls, which have to be readied first.
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    assert_eq!(rejection(service.call(2).await).kind(), RejectedKind::NotReady);
    tokio::time::sleep(200 * MS).await;
    assert_eq!(probe.calls(), 1, "the turn has come, but the inner service is not ready");
    probe.set_pending(false);
    assert_eq!((waiting.await.unwrap(), probe.violations()), (Ok(1), 0));
    assert_eq!(probe.clones() - clones, 2);
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_breaks_during_the_wait_says_so() {
    let (inner, probe) = Strict::ok();
    let mut service = layer().layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let waiting = service.call(1);
    probe.set_broken();
    assert_eq!(waiting.await, Err(Fail::Inner(TestError(u64::MAX))));
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_does_not_wait_for_what_its_own_caller_holds() {
    let (inner, probe) = Strict::ok();
    let layer = layer();
    // `ready` reserves the one permit; both callers keep their service while they wait for the answer.
    let mut service = layer.layer(ConcurrencyLimitLayer::new(1).layer(inner));
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let second = tokio::time::timeout(LONG, service.oneshot(1)).await;
    assert_eq!((second, probe.violations()), (Ok(Ok(1)), 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_holds_nothing_of_the_inner_service() {
    let (inner, probe) = Strict::ok();
    let layer = RateLimitLayer::new(TENTHS).wait(150 * MS).cost(|request: &u64| u32::from(*request < 100));
    let service = layer.layer(ConcurrencyLimitLayer::new(1).layer(inner));
    assert_eq!(service.clone().oneshot(0).await, Ok(0));
    let log = Log::new();
    let waiter = log.spawn(service.clone(), 1).await;
    assert_eq!(layer.limiter().snapshot().waiting, 1);
    // Else others would wait for readiness, outside of the queue and its bounds.
    let rejected = rejection(service.clone().oneshot(2).await);
    assert_eq!((rejected.retry_after(), log.1.elapsed()), (Some(200 * MS), Duration::ZERO));
    assert_eq!((service.oneshot(100).await, log.1.elapsed()), (Ok(100), Duration::ZERO));
    assert_eq!((waiter.await.unwrap(), log.taken()), (Ok(1), vec![(1, 100)]));
    assert_eq!(probe.violations(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_after_the_wait_reaches_the_caller() {
    let (inner, probe) = Strict::new(|_, request| if request == 1 { Act::PanicInCall } else { Act::Ok });
    let layer = layer();
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let log = Log::new();
    let panics = log.spawn(service.clone(), 1).await;
    let behind = log.spawn(service.clone(), 2).await;
    assert!(panics.await.unwrap_err().is_panic());
    assert_eq!((behind.await.unwrap(), log.1.elapsed()), (Ok(2), 200 * MS));
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.admitted, counts.waiting, probe.violations()), (3, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_holds_up_nobody() {
    let (inner, _probe) = Strict::ok();
    let layer = RateLimitLayer::new(TENTHS).wait(50 * MS).dry_run(true);
    let mut service = layer.layer(inner);
    let start = Instant::now();
    for request in 0..3 {
        assert_eq!(call(&mut service, request).await, Ok(request));
    }
    advance(60 * MS).await;
    assert_eq!(call(&mut service, 3).await, Ok(3));
    assert_eq!(start.elapsed(), 60 * MS);
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.admitted, counts.would_reject, counts.would_wait), (4, 2, 1));
    assert_eq!((counts.calls, counts.waiting), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_when_a_dry_run_begins_passes_at_once() {
    let (inner, probe) = Strict::ok();
    let layer = layer();
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 0).await, Ok(0));
    let log = Log::new();
    let waiters = [log.spawn(service.clone(), 1).await, log.spawn(service, 2).await];
    layer.limiter().set_dry_run(true);
    for waiter in waiters {
        assert!(waiter.await.unwrap().is_ok());
    }
    assert_eq!((log.taken(), probe.violations()), (vec![(1, 0), (2, 0)], 0));
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.admitted, counts.would_wait, counts.waiting, counts.abandoned), (3, 2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_engine_waits_without_tower() {
    let limiter = RateLimiter::new(TENTHS);
    let start = Instant::now();
    for _ in 0..5 {
        limiter.acquire().await.unwrap();
    }
    assert_eq!(start.elapsed(), 400 * MS);
    limiter.set_quota(TENTHS.burst(3)).unwrap();
    limiter.acquire_n(3).await.unwrap();
    assert_eq!(start.elapsed(), 500 * MS);
    assert_eq!(limiter.acquire_n(4).await.unwrap_err().kind(), RejectedKind::CostAboveBurst);
    limiter.acquire_n(0).await.unwrap();
    limiter.set_max_wait(99 * MS).unwrap();
    assert_eq!(limiter.acquire().await.unwrap_err().retry_after(), Some(100 * MS));
    assert_eq!(start.elapsed(), 500 * MS);
    let counts = limiter.snapshot();
    assert_eq!((counts.calls, counts.admitted, counts.rejected), (9, 7, 2));
}

#[tokio::test(start_paused = true)]
async fn a_longest_wait_beyond_all_bounds_waits_as_long_as_it_takes() {
    let (inner, _probe) = Strict::ok();
    let year = Duration::from_secs(86_400 * 365);
    let layer = RateLimitLayer::new(Quota::every(year)).wait(Duration::MAX);
    let mut service = layer.layer(inner);
    let start = Instant::now();
    assert_eq!((call(&mut service, 0).await, call(&mut service, 1).await), (Ok(0), Ok(1)));
    assert_eq!(start.elapsed(), year);
}

#[test]
fn a_runtime_that_ends_with_waiters_in_it_does_not_hang() {
    let layer = layer();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let service = layer.layer(Strict::ok().0);
        let log = Log::new();
        for request in 0..1_000 {
            drop(log.spawn(service.clone(), request).await);
        }
    });
    assert_eq!(layer.limiter().snapshot().waiting, 999);
    drop(runtime);
    let counts = layer.limiter().snapshot();
    assert_eq!((counts.waiting, counts.abandoned), (0, 999));
}

#[tokio::test(start_paused = true)]
async fn a_used_up_cooperative_budget_rejects_nobody() {
    // Ten thousand admissions in one poll of one task, far more than tokio's budget.
    let limiter = RateLimiter::new(Quota::per_second(10_000));
    for _ in 0..10_000 {
        limiter.acquire().await.unwrap();
    }
    limiter.acquire().await.unwrap();
    assert_eq!(limiter.snapshot().rejected, 0);
}

#[test]
fn waiting_needs_no_local_task() {
    fn is_send<T: Send>(_: &T) {}
    let limiter = RateLimiter::new(TENTHS);
    is_send(&limiter.acquire());
    is_send(&limiter.acquire_n(1));
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
