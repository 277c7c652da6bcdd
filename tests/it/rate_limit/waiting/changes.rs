//! Quotas and modes that change while calls wait.

use super::*;

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
