//! Who waits for an engine, and what it sees at the moment when it is woken.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use buttress::registry::Engine;
use buttress::{
    Bulkhead, CircuitBreaker, CircuitBreakerConfig, KeyedBulkhead, KeyedCircuitBreaker, Mode, Quota,
    RateLimiter,
};

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
    bulkhead.set_queue(1, Duration::from_secs(1)).unwrap();
    bulkheads.set_queue(1, Duration::from_secs(1)).unwrap();
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

/// Whoever waits is woken by this switch, finds this mode, and waits no more.
pub fn woken_by(mode: Mode, before: impl Fn(&Engine), switch: impl Fn(&Engine)) {
    for (engine, mut waiting) in closed() {
        before(&engine);
        let look = Arc::new(Look(engine.clone(), Mutex::default()));
        let waker = Waker::from(Arc::clone(&look));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "{engine:?}");
        switch(&engine);
        let seen = look.1.lock().unwrap().clone();
        assert!(!seen.is_empty() && seen.iter().all(|seen| *seen == mode), "{engine:?}: {seen:?}");
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_ready(), "{engine:?}");
    }
}
