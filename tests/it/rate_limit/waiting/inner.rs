//! What becomes of the inner service meanwhile.

use super::*;

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
