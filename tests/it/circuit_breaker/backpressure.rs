//! The mode for load balancers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::Poll;

use buttress::{CircuitBreakerLayer, CircuitState};
use tokio::time::{Instant, advance};
use tower::{Layer, Service};

use super::*;
use crate::support::{Act, Strict, call, poll_ready, rejection};

/// So many tasks that wait for readiness and then call; polls of all of them, and results.
struct Herd {
    polls: Vec<Arc<AtomicU64>>,
    tasks: tokio::task::JoinSet<bool>,
}

impl Herd {
    fn new(layer: &CircuitBreakerLayer, inner: &Strict, size: u64) -> Self {
        let (mut polls, mut tasks) = (Vec::new(), tokio::task::JoinSet::new());
        for request in 0..size {
            let mut service = layer.layer(inner.clone());
            let counter = Arc::new(AtomicU64::new(0));
            polls.push(Arc::clone(&counter));
            tasks.spawn(async move {
                let ready = std::future::poll_fn(|cx| {
                    counter.fetch_add(1, SeqCst);
                    Service::<u64>::poll_ready(&mut service, cx)
                });
                ready.await.unwrap();
                service.call(request).await.is_ok()
            });
        }
        Self { polls, tasks }
    }

    fn most_polls(&self) -> u64 {
        self.polls.iter().map(|polls| polls.load(SeqCst)).max().unwrap()
    }
}

async fn settle_down() {
    for _ in 0..300 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn cb_44_those_who_wait_wake_once_and_few_get_in() {
    let breaker = opened(plain());
    let layer = CircuitBreakerLayer::from_breaker(breaker.clone()).backpressure();
    let (inner, probe) = Strict::always(Act::After(SECOND));
    let mut herd = Herd::new(&layer, &inner, 100);
    settle_down().await;
    assert_eq!((herd.most_polls(), probe.readiness_polls()), (1, 0));
    advance(10 * SECOND).await;
    settle_down().await;
    assert_eq!((probe.calls(), breaker.state()), (3, CircuitState::HalfOpen));
    assert!(herd.most_polls() <= 3, "{}", herd.most_polls());
    // The trial calls succeed; now everybody who still waits gets in.
    advance(SECOND).await;
    settle_down().await;
    assert_eq!(breaker.state(), CircuitState::Closed);
    advance(SECOND).await;
    let mut served = 0;
    while let Some(result) = herd.tasks.join_next().await {
        served += u64::from(result.unwrap());
    }
    assert_eq!((served, probe.calls()), (served, served));
    assert_eq!(served + breaker.snapshot().rejected, 100);
    assert!(herd.most_polls() <= 4, "{}", herd.most_polls());
    assert_eq!((probe.violations(), breaker.snapshot().in_flight), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn open_is_not_ready_until_the_open_time_is_over() {
    let breaker = opened(one_trial());
    let (inner, probe) = Strict::ok();
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).backpressure().layer(inner);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    let start = Instant::now();
    assert_eq!(call(&mut service, 1).await, Ok(1));
    assert_eq!((start.elapsed(), probe.calls()), (10 * SECOND, 1));
    assert_eq!(breaker.snapshot().rejected, 0);
}

#[tokio::test(start_paused = true)]
async fn ready_may_become_pending_again_and_a_call_in_between_is_rejected() {
    let breaker = CircuitBreaker::new(plain());
    let (inner, probe) = Strict::ok();
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).backpressure().layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    breaker.isolate();
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    rejection(service.call(1).await);
    breaker.reset();
    assert!(poll_ready(&mut service).is_ready());
    assert_eq!(service.call(2).await, Ok(2));
    assert_eq!((probe.calls(), probe.violations()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_given_back_wakes_those_who_wait() {
    let breaker = rested(one_trial()).await;
    let trial = breaker.try_admit().unwrap();
    let layer = CircuitBreakerLayer::from_breaker(breaker.clone()).backpressure();
    let mut service = layer.layer(Strict::ok().0);
    let waiting = tokio::spawn(async move { call(&mut service, 1).await });
    settle_down().await;
    assert!(!waiting.is_finished());
    let start = Instant::now();
    drop(trial);
    assert_eq!(soon(waiting).await, Ok(1));
    assert_eq!((start.elapsed(), breaker.state()), (Duration::ZERO, CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn what_a_hand_does_wakes_those_who_wait() {
    let acts: [fn(&CircuitBreaker); 4] =
        [CircuitBreaker::reset, CircuitBreaker::automatic, CircuitBreaker::bypass, |breaker| {
            breaker.set_dry_run(true)
        }];
    for act in acts {
        let breaker = CircuitBreaker::new(plain());
        breaker.isolate();
        let mut service =
            CircuitBreakerLayer::from_breaker(breaker.clone()).backpressure().layer(Strict::ok().0);
        let waiting = tokio::spawn(async move { call(&mut service, 1).await });
        settle_down().await;
        assert!(!waiting.is_finished());
        act(&breaker);
        assert_eq!(soon(waiting).await, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_trial_call_keeps_nobody_waiting_for_ever() {
    let breaker = rested(one_trial()).await;
    let _hung = breaker.try_admit().unwrap();
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).backpressure().layer(Strict::ok().0);
    let start = Instant::now();
    assert_eq!(call(&mut service, 1).await, Ok(1));
    assert_eq!((start.elapsed(), breaker.state()), (5 * SECOND, CircuitState::Closed));
}

#[tokio::test(start_paused = true)]
async fn idle_instances_that_said_ready_hold_nothing_up() {
    let breaker = rested(one_trial()).await;
    let layer = CircuitBreakerLayer::from_breaker(breaker.clone()).backpressure();
    let mut idle: Vec<_> = (0..100).map(|_| layer.layer(Strict::ok().0)).collect();
    assert!(idle.iter_mut().all(|service| poll_ready(service).is_ready()));
    assert_eq!(breaker.state(), CircuitState::Open);
    assert_eq!(call(&mut layer.layer(Strict::ok().0), 1).await, Ok(1));
    assert_eq!(breaker.state(), CircuitState::Closed);
}
