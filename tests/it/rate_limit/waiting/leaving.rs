//! Waiters that are dropped.

use super::*;

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
