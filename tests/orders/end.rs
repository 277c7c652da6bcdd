//! What has to be so when the traffic is over.

use std::time::Duration;

use buttress::registry::Engine;
use tokio::runtime::Handle;

use crate::laws;
use crate::meddle::calm;
use crate::modes::{Boxed, Built};
use crate::support::{Fail, call};
use crate::traffic::HEALTHY;

/// Tasks that were spawned come to their next wait, or to their end.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// Nothing is in flight, all permits are back, and the laws hold.
pub async fn nothing_is_left(what: &str, built: &Built, is_meddled: bool) {
    settle().await;
    for probe in &built.probes {
        assert_eq!(probe.in_flight(), 0, "{what}: a call was left in flight");
        assert_eq!(probe.violations(), 0, "{what}: an unready service was called");
    }
    for engine in &built.engines {
        // It wakes whoever waits, so it would hide who waits for nothing.
        if is_meddled {
            calm(engine);
        }
        let now = engine.snapshot();
        for wrong in [laws::broken(&now), laws::held(&now), laws::switched(&now)] {
            assert_eq!(wrong, None, "{what}");
        }
        if let Engine::Bulkhead(bulkhead) = engine {
            let permits: Vec<_> = std::iter::from_fn(|| bulkhead.try_admit().ok()).take(100).collect();
            assert_eq!(permits.len(), bulkhead.snapshot().limit, "{what}: permits are missing");
        }
    }
}

/// Also if panics, hung calls and failures have opened a breaker meanwhile.
pub async fn a_healthy_call_passes(what: &str, mut stack: Boxed, built: &Built) {
    tokio::time::advance(Duration::from_secs(60)).await;
    if built.has_worker {
        // A service that a worker or a balancer has readied long ago keeps to what it said then, also if that was that
        // it is going to refuse or shed a call. If that call was the trial of a breaker, it opens again, and the next
        // such service has to wait for the next trial.
        for _ in 0..3 {
            for request in HEALTHY..HEALTHY + 50 {
                drop(call(&mut stack, request).await);
            }
            tokio::time::advance(Duration::from_secs(60)).await;
        }
    }
    let passes = async {
        // As many as a half-open breaker wants to see.
        for request in HEALTHY..HEALTHY + 5 {
            assert_eq!(call(&mut stack, request).await?, request, "{what}: not the service's own answer");
        }
        Ok::<_, Fail>(())
    };
    let result = tokio::time::timeout(Duration::from_secs(1), passes).await;
    assert!(matches!(result, Ok(Ok(()))), "{what}: a healthy call does not pass: {result:?}");
    drop(stack);
    settle().await;
    for engine in &built.engines {
        let now = engine.snapshot();
        assert_eq!(laws::broken(&now).or(laws::held(&now)), None, "{what}");
    }
}

pub async fn no_task_is_left(what: &str) {
    settle().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "{what}: a task is left");
}
