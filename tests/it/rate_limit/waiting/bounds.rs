//! How long a call may wait.

use super::*;

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
async fn a_longest_wait_beyond_all_bounds_waits_as_long_as_it_takes() {
    let (inner, _probe) = Strict::ok();
    let year = Duration::from_secs(86_400 * 365);
    let layer = RateLimitLayer::new(Quota::every(year)).wait(Duration::MAX);
    let mut service = layer.layer(inner);
    let start = Instant::now();
    assert_eq!((call(&mut service, 0).await, call(&mut service, 1).await), (Ok(0), Ok(1)));
    assert_eq!(start.elapsed(), year);
}
