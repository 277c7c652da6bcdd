//! With and without a runtime.

use super::*;

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
