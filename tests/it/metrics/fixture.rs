//! One engine of each kind, with something to tell by each of its metrics.

use std::any::Any;
use std::io::{Error, ErrorKind};
use std::time::Duration;

use buttress::registry::{Override, Registry, RegistrySnapshot};
use buttress::{
    Bulkhead, CircuitBreaker, CircuitBreakerConfig, CircuitState, Fallback, KeyedBulkhead,
    KeyedCircuitBreaker, KeyedRateLimiter, Mode, Quota, RateLimiter, Retry, RetryPolicy, Timeout, Verdict,
};

const SECOND: Duration = Duration::from_secs(1);

pub struct Everything {
    stack: &'static str,
    _engines: Vec<Box<dyn Any>>,
}

impl Everything {
    pub async fn new(stack: &'static str) -> Self {
        let mut engines: Vec<Box<dyn Any>> = breakers(stack);
        engines.extend(bulkhead(stack).await);
        engines.extend(rate_limits(stack).await);
        engines.extend(rest(stack).await);
        for shown in snapshot_of(stack).engines {
            let is = shown.identity;
            let engine = Registry::global().find(stack, is.layer, is.name.as_str()).unwrap();
            engine.set_override(Override::new(Mode::DryRun).time_to_live(3_600 * SECOND).reason("a test"));
        }
        // A rate needs two looks.
        tokio::time::sleep(11 * SECOND / 10).await;
        Self { stack, _engines: engines }
    }

    pub fn snapshot(&self) -> RegistrySnapshot {
        snapshot_of(self.stack)
    }
}

/// All that other tests made left out.
pub fn snapshot_of(stack: &str) -> RegistrySnapshot {
    let mut snapshot = Registry::global().snapshot();
    snapshot.engines.retain(|engine| engine.identity.stack == *stack);
    snapshot
}

fn breakers(stack: &'static str) -> Vec<Box<dyn Any>> {
    let breaker =
        |name: String| CircuitBreaker::new(CircuitBreakerConfig::default()).named(name).in_stack(stack);
    let [open, held, closed] = ["", "/held", "/closed"].map(|part| breaker(format!("{stack}{part}")));
    for number in 0..100 {
        let cause = if number % 5 < 3 { "timeout" } else { "503" };
        open.try_admit().unwrap().settle(Verdict::failure(cause));
    }
    assert_eq!(open.state(), CircuitState::Open);
    assert!(open.try_admit().is_err());
    held.isolate();
    // Each as often as nothing else.
    for (verdict, times) in [(Verdict::success(), 7), (Verdict::throttled(), 5), (Verdict::ignored("404"), 4)]
    {
        for _ in 0..times {
            closed.try_admit().unwrap().settle(verdict);
        }
    }
    for _ in 0..3 {
        drop(closed.try_admit().unwrap());
    }
    let keyed = KeyedCircuitBreaker::new(CircuitBreakerConfig::default())
        .named(format!("{stack}/keyed"))
        .in_stack(stack);
    for shard in 0..3 {
        keyed.try_admit(&shard).unwrap().settle(Verdict::success());
    }
    keyed.get(&1).unwrap().isolate();
    assert!(keyed.try_admit(&1).is_err());
    vec![Box::new(open), Box::new(held), Box::new(closed), Box::new(keyed)]
}

async fn bulkhead(stack: &'static str) -> Vec<Box<dyn Any>> {
    let bulkhead = Bulkhead::new(1).named(stack).in_stack(stack);
    bulkhead.set_queue(1, SECOND).unwrap();
    for _ in 0..4 {
        bulkhead.try_admit().unwrap().complete();
    }
    let permit = bulkhead.try_admit().unwrap();
    let given_up = tokio::time::timeout(SECOND / 100, bulkhead.acquire()).await;
    assert!(given_up.is_err());
    assert!(bulkhead.acquire().await.is_err());
    let keyed = KeyedBulkhead::new(1).named(format!("{stack}/keyed")).in_stack(stack);
    let of_ada = keyed.try_admit("ada").unwrap();
    assert!(keyed.try_admit("ada").is_err());
    vec![Box::new(bulkhead), Box::new(permit), Box::new(keyed), Box::new(of_ada)]
}

async fn rate_limits(stack: &'static str) -> Vec<Box<dyn Any>> {
    let limiter = RateLimiter::new(Quota::every(SECOND)).named(stack).in_stack(stack);
    limiter.try_admit().unwrap();
    assert!(limiter.try_admit().is_err());
    assert!(limiter.try_admit_n(2).is_err());
    limiter.acquire().await.unwrap();
    let keyed = KeyedRateLimiter::new(Quota::per_minute(60)).named(format!("{stack}/keyed")).in_stack(stack);
    keyed.set_max_keys(1).unwrap();
    for key in ["ada", "grace"] {
        let _ = keyed.try_admit(key);
    }
    vec![Box::new(limiter), Box::new(keyed)]
}

async fn rest(stack: &'static str) -> Vec<Box<dyn Any>> {
    let retry = Retry::new(RetryPolicy::default()).named(stack).in_stack(stack);
    let refused = || std::future::ready(Err::<u64, _>(Error::from(ErrorKind::ConnectionReset)));
    retry.run(refused).await.unwrap_err();
    let timeout = Timeout::new(20 * Duration::from_millis(1)).named(stack).in_stack(stack);
    timeout.run(std::future::pending::<()>()).await.unwrap_err();
    let fallback = Fallback::new().named(stack).in_stack(stack);
    fallback.or_else(Err(Error::other("busy")), |_| Ok(100_u64)).unwrap();
    vec![Box::new(retry), Box::new(timeout), Box::new(fallback)]
}
