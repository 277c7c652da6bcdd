//! Whoever is woken because of a mode finds the mode that it is woken for: nobody wakes it a second time.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use buttress::registry::Override;
use buttress::{KeyedBulkhead, KeyedCircuitBreaker, Mode};

use super::*;

/// Notes the mode at the moment it is woken, as a thread of the executor might see it that takes the task up right then.
struct Look(Engine, Mutex<Vec<Mode>>);

impl Wake for Look {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0.mode());
    }
}

type Waiting = Pin<Box<dyn Future<Output = ()>>>;

/// An engine that lets nobody in, and somebody who waits for it.
fn closed() -> [(Engine, Waiting); 5] {
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
    let breakers = KeyedCircuitBreaker::new(CircuitBreakerConfig::default());
    breaker.isolate();
    breakers.get_or_make("ada").unwrap().isolate();
    let (bulkhead, bulkheads) = (Bulkhead::new(1), KeyedBulkhead::new(1));
    bulkhead.set_queue(1, SECOND).unwrap();
    bulkheads.set_queue(1, SECOND).unwrap();
    let limiter = RateLimiter::new(Quota::per_second(1));
    limiter.try_admit().unwrap();
    [
        (breaker.clone().into(), Box::pin(async move { drop(breaker.acquire().await) })),
        (breakers.clone().into(), Box::pin(async move { drop(breakers.acquire("ada").await) })),
        (
            bulkhead.clone().into(),
            Box::pin(async move {
                let _taken = bulkhead.try_admit();
                drop(bulkhead.acquire().await);
            }),
        ),
        (
            bulkheads.clone().into(),
            Box::pin(async move {
                let _taken = bulkheads.try_admit("ada");
                drop(bulkheads.acquire("ada").await);
            }),
        ),
        (limiter.clone().into(), Box::pin(async move { limiter.acquire().await.unwrap() })),
    ]
}

fn set_dry_run(engine: &Engine) {
    match engine {
        Engine::CircuitBreaker(breaker) => breaker.set_dry_run(true),
        Engine::KeyedCircuitBreaker(breakers) => breakers.set_dry_run(true),
        Engine::Bulkhead(bulkhead) => bulkhead.set_dry_run(true),
        Engine::KeyedBulkhead(bulkheads) => bulkheads.set_dry_run(true),
        Engine::RateLimiter(limiter) => limiter.set_dry_run(true),
        _ => unreachable!("nobody waits for it"),
    }
}

/// What whoever waits sees when it is woken by this switch.
fn woken_by(before: impl Fn(&Engine), switch: impl Fn(&Engine)) {
    for (engine, mut waiting) in closed() {
        before(&engine);
        let look = Arc::new(Look(engine.clone(), Mutex::default()));
        let waker = Waker::from(Arc::clone(&look));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "{engine:?}");
        switch(&engine);
        let seen = look.1.lock().unwrap().clone();
        assert!(!seen.is_empty() && seen.iter().all(|mode| *mode == Mode::DryRun), "{engine:?}: {seen:?}");
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_ready(), "{engine:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn by_an_override() {
    woken_by(|_| (), |engine| engine.set_override(Override::new(Mode::DryRun)));
}

#[tokio::test(start_paused = true)]
async fn by_the_end_of_an_override() {
    let enforce = |engine: &Engine| {
        set_dry_run(engine);
        engine.set_override(Override::new(Mode::Enforce));
    };
    woken_by(enforce, |engine| engine.clear_override("ada"));
}

#[tokio::test(start_paused = true)]
async fn by_the_code() {
    woken_by(|_| (), set_dry_run);
}
