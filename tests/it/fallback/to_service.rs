//! Another service answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use buttress::{BulkheadLayer, CallError, FallbackLayer, Rejected, RejectedKind, Replay, TimeoutLayer};
use tower::{Layer, Service, service_fn};

use super::counts;
use crate::support::{Act, Fail, Strict, TestError, call, poll_once, poll_ready, rejection};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn the_other_service_gets_a_copy_once_it_is_ready() {
    let (inner, primary) = Strict::new(|_, request| if request == 0 { Act::Err } else { Act::Ok });
    let (other, probe) = Strict::always(Act::After(MS));
    let layer = FallbackLayer::service(other);
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 7).await, Ok(7));
    assert_eq!((probe.calls(), probe.clones()), (0, 0), "a success asks nobody");
    probe.set_pending(true);
    let mut waiting = Box::pin(call(&mut service, 0));
    assert!(poll_once(waiting.as_mut()).is_pending());
    assert_eq!((probe.waiting(), primary.in_flight()), (1, 0));
    probe.set_pending(false);
    assert_eq!(waiting.await, Ok(0));
    assert_eq!((primary.calls(), primary.violations(), primary.clones()), (2, 0, 0));
    assert_eq!((probe.calls(), probe.violations()), (1, 0));
    let seen = counts(&layer.fallback());
    assert_eq!((seen.calls, seen.degraded, seen.withheld), (2, 1, 0));
}

/// May not be sent twice; a copy of it can be made.
#[derive(Clone, Debug)]
struct Order;

impl Replay for Order {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn repeatable(&self) -> bool {
        false
    }
}

/// Gone once it was sent.
#[derive(Debug)]
struct Upload;

impl Replay for Upload {
    fn replay(&self) -> Option<Self> {
        None
    }

    fn repeatable(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_sent_is_not_sent_again() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let other = service_fn(move |_: Order| std::future::ready(Ok::<_, Fail>(count.fetch_add(1, SeqCst))));
    let layer = FallbackLayer::service(other);
    let down = service_fn(|_: Order| async { Err::<u64, _>(Fail::Inner(TestError(1))) });
    let below = BulkheadLayer::new(1);
    let service = layer.layer(below.layer(down));
    assert_eq!(service.clone().oneshot(Order).await, Err(Fail::Inner(TestError(1))));
    assert_eq!((asked.load(SeqCst), counts(&layer.fallback()).withheld), (0, 1));
    // One that was refused before it was sent, is.
    let _held = below.bulkhead().try_admit().unwrap();
    assert_eq!(service.oneshot(Order).await, Ok(0));
    assert_eq!((asked.load(SeqCst), counts(&layer.fallback()).degraded), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_copied_is_sent_once() {
    let other = service_fn(|_: Upload| async { Ok::<_, Fail>(100) });
    let layer = FallbackLayer::service(other);
    let mut service = layer.layer(service_fn(|_: Upload| async { Err::<u64, _>(Fail::Inner(TestError(1))) }));
    assert_eq!(service.clone().oneshot(Upload).await, Err(Fail::Inner(TestError(1))));
    assert_eq!(counts(&layer.fallback()).withheld, 1);
    // Without readiness it was never handed on, and is still there.
    assert_eq!(service.call(Upload).await, Ok(100));
    let seen = counts(&layer.fallback());
    assert_eq!((seen.rejected, seen.degraded, seen.causes.len()), (1, 1, 1));
}

fn full() -> (BulkheadLayer, buttress::BulkheadPermit) {
    let layer = BulkheadLayer::new(1);
    let permit = layer.bulkhead().try_admit().unwrap();
    (layer, permit)
}

#[tokio::test(start_paused = true)]
async fn rt_21_once_sent_the_caller_is_never_told_that_it_was_not() {
    let (full, _permit) = full();
    let layer = FallbackLayer::service(full.layer(Strict::ok().0));
    // A time-out, then a refusal: the time-out.
    let mut service = layer.layer(TimeoutLayer::new(5 * MS).layer(Strict::always(Act::Hang).0));
    let rejected: Rejected = rejection(call(&mut service, 1).await);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::TimedOut, true));
    let seen = counts(&layer.fallback());
    assert_eq!((seen.degraded, seen.failed), (0, 1));
    // The service's own error likewise.
    let mut service = layer.layer(Strict::always(Act::Err).0);
    assert_eq!(call(&mut service, 1).await, Err(Fail::Inner(TestError(1))));
}

#[tokio::test(start_paused = true)]
async fn rt_21_also_if_the_other_service_cannot_even_be_asked() {
    let (other, probe) = Strict::ok();
    probe.set_broken();
    let layer = FallbackLayer::service(other);
    let mut service = layer.layer(Strict::always(Act::Err).0);
    assert_eq!(call(&mut service, 1).await, Err(Fail::Inner(TestError(1))));
    // Never sent by anybody: the other's error is as true.
    let (full, _permit) = full();
    let mut service = layer.layer(full.layer(Strict::ok().0));
    assert_eq!(call(&mut service, 1).await, Err(Fail::Inner(TestError(u64::MAX))));
    assert_eq!((probe.calls(), counts(&layer.fallback()).failed), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_service_that_was_asked_is_passed_on() {
    let other = service_fn(|_: u64| async { Err::<u64, _>(Fail::Inner(TestError(99))) });
    let layer = FallbackLayer::service(other);
    let mut service = layer.layer(Strict::always(Act::Err).0);
    assert_eq!(call(&mut service, 1).await, Err(Fail::Inner(TestError(99))));
    assert_eq!(counts(&layer.fallback()).failed, 1);
}

#[tokio::test(start_paused = true)]
async fn rt_21_never_sent_by_either_stays_never_sent() {
    let [(first, _a), (second, _b)] = [full(), full()];
    let second = second.name("second");
    let layer = FallbackLayer::service(second.layer(Strict::ok().0));
    let rejected = rejection(call(&mut layer.layer(first.layer(Strict::ok().0)), 1).await);
    assert_eq!((rejected.name(), rejected.was_sent()), ("second", false));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_drops_what_is_under_way() {
    let (other, probe) = Strict::always(Act::Hang);
    let layer = FallbackLayer::service(other);
    let mut service = layer.layer(Strict::always(Act::Err).0);
    assert!(poll_ready(&mut service).is_ready());
    let mut future = Box::pin(service.call(1));
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!(probe.in_flight(), 1);
    drop(future);
    assert_eq!(probe.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_service_need_not_be_clone() {
    struct Single;
    impl Service<u64> for Single {
        type Response = u64;
        type Error = CallError<()>;
        type Future = std::future::Ready<Result<u64, CallError<()>>>;
        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: u64) -> Self::Future {
            std::future::ready(Err(CallError::Inner(())))
        }
    }
    let other = service_fn(|request: u64| async move { Ok(request * 10) });
    assert_eq!(FallbackLayer::service(other).layer(Single).oneshot(7).await, Ok(70));
}
