//! Every ordered pair and triple of layers.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use buttress::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Quota,
    RateLimitLayer, RetryLayer, RetryPolicy, TimeoutLayer,
};
use tower::Layer;
use tower::util::BoxCloneService;

use crate::support::{Act, Fail, Strict, call, poll_once};

type Boxed = BoxCloneService<u64, u64, Fail>;

/// Handles of the engines in a stack, to see that nothing is left behind.
#[derive(Default)]
struct Handles {
    breakers: Vec<CircuitBreaker>,
    bulkheads: Vec<Bulkhead>,
}

const LAYERS: usize = 9;

fn apply(which: usize, inner: Boxed, handles: &mut Handles) -> Boxed {
    let quota = Quota::per_second(1_000);
    match which {
        0 => BoxCloneService::new(TimeoutLayer::new(Duration::from_millis(200)).layer(inner)),
        1 => {
            let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
            handles.breakers.push(layer.breaker());
            BoxCloneService::new(layer.layer(inner))
        }
        2 => {
            let layer = BulkheadLayer::new(4);
            handles.bulkheads.push(layer.bulkhead());
            BoxCloneService::new(layer.layer(inner))
        }
        3 => {
            let layer = BulkheadLayer::new(2).queue(4, Duration::from_millis(100));
            handles.bulkheads.push(layer.bulkhead());
            BoxCloneService::new(layer.layer(inner))
        }
        4 => BoxCloneService::new(RateLimitLayer::new(quota).layer(inner)),
        5 => BoxCloneService::new(RateLimitLayer::new(quota).wait(Duration::from_millis(100)).layer(inner)),
        6 => BoxCloneService::new(
            RateLimitLayer::per_key(quota, |request: &u64| Some(request % 3)).layer(inner),
        ),
        7 => BoxCloneService::new(RetryLayer::new(RetryPolicy::default()).layer(inner)),
        _ => BoxCloneService::new(FallbackLayer::value(u64::MAX).on(|_| false).layer(inner)),
    }
}

/// What comes in: of ten calls, six are answered, one fails, one is slow, one hangs, one panics.
fn mixed(_: u64, request: u64) -> Act {
    match request % 10 {
        6 => Act::Err,
        7 => Act::After(Duration::from_millis(50)),
        8 => Act::Hang,
        9 => Act::PanicInPoll,
        _ => Act::Ok,
    }
}

async fn survives(order: &[usize]) {
    let (inner, probe) = Strict::new(mixed);
    let mut handles = Handles::default();
    let stack = order
        .iter()
        .rev()
        .fold(BoxCloneService::new(inner), |inner, &which| apply(which, inner, &mut handles));

    for request in 0..200_u64 {
        let mut service = stack.clone();
        let mut future = Box::pin(async move { call(&mut service, request).await });
        // Each call is polled a few times and then given up, if it is not over by itself.
        for _ in 0..3 {
            match std::panic::catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut()))) {
                Ok(poll) if poll.is_pending() => tokio::time::advance(Duration::from_millis(20)).await,
                _ => break,
            }
        }
    }

    assert_eq!(probe.in_flight(), 0, "{order:?}: a call was left in flight");
    assert_eq!(probe.violations(), 0, "{order:?}: an unready service was called");
    for bulkhead in &handles.bulkheads {
        let s = bulkhead.snapshot();
        assert_eq!((s.in_flight, s.waiting), (0, 0), "{order:?}: {s:?}");
        assert_eq!(
            (s.calls, s.admitted),
            (s.admitted + s.rejected, s.completed + s.cancelled),
            "{order:?}: {s:?}"
        );
    }
    for breaker in &handles.breakers {
        let s = breaker.snapshot();
        assert_eq!(s.in_flight, 0, "{order:?}: {s:?}");
        assert_eq!(s.calls, s.admitted + s.rejected, "{order:?}: {s:?}");
        let settled = s.succeeded + s.failed + s.throttled + s.ignored + s.cancelled;
        assert_eq!(s.admitted, settled, "{order:?}: {s:?}");
        // Panics and hung calls may have opened it; what is asked here is that it closes again.
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    let mut healthy = stack.clone();
    let passes = async {
        // As many as a half-open breaker wants to see.
        for _ in 0..5 {
            call(&mut healthy, 0).await?;
        }
        Ok::<_, Fail>(())
    };
    let result = tokio::time::timeout(Duration::from_secs(1), passes).await;
    assert!(matches!(result, Ok(Ok(()))), "{order:?}: a healthy call does not pass: {result:?}");
}

#[tokio::test(start_paused = true)]
async fn co_10_all_pairs_survive_mixed_traffic() {
    quiet_panics();
    for a in 0..LAYERS {
        for b in 0..LAYERS {
            survives(&[a, b]).await;
        }
    }
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn co_10_all_triples_survive_mixed_traffic() {
    quiet_panics();
    for a in 0..LAYERS {
        for b in 0..LAYERS {
            for c in 0..LAYERS {
                survives(&[a, b, c]).await;
            }
        }
    }
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

/// The scripted panics are caught; their messages would bury the ones that matter.
fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<&str>();
            if !text.is_some_and(|text| text.starts_with("scripted")) {
                hook(info);
            }
        }));
    });
}
