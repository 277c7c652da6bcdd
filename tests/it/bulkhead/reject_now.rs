use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress::{Bulkhead, BulkheadLayer, Rejected, RejectedKind, TimeoutLayer};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{counts, send};
use crate::support::{Act, Fail, Strict, call, now, poll_once, poll_ready, rejection};

#[tokio::test(start_paused = true)]
async fn bh_02_a_full_bulkhead_rejects_at_once() {
    let (inner, probe) = Strict::always(Act::Hang);
    let layer = BulkheadLayer::new(8).name("reports");
    let mut service = layer.layer(inner);
    let held: Vec<_> = (0..8).map(|i| send(&mut service, i)).collect();
    let start = Instant::now();
    let rejected = rejection(now(&mut service, 9));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((rejected.kind(), rejected.layer()), (RejectedKind::BulkheadFull, "bulkhead"));
    assert_eq!((rejected.name(), rejected.retry_after(), rejected.was_sent()), ("reports", None, false));
    assert_eq!(rejected.to_string(), "bulkhead `reports` is full");
    assert_eq!((probe.calls(), probe.peak(), probe.violations()), (8, 8, 0));
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.in_flight, seen.full, seen.admitted, seen.calls), (8, 1, 8, 9));
    drop(held);
    assert_eq!(counts(&layer.bulkhead()).in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn bh_02_a_full_bulkhead_answers_although_the_inner_service_is_pending() {
    let (inner, probe) = Strict::ok();
    let layer = BulkheadLayer::new(1);
    let mut service = layer.layer(inner);
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Pending, "there is room: the inner service is waited for");
    let held = layer.bulkhead().try_admit().unwrap();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    // Once `Ready`, so until the call; which is refused for the reason why we said so.
    held.complete();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    assert_eq!(rejection(service.call(1).await).kind(), RejectedKind::BulkheadFull);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    probe.set_pending(false);
    assert_eq!(call(&mut service, 2).await, Ok(2));
    assert_eq!((probe.calls(), probe.violations()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_gone_before_its_place_is_free() {
    struct Hangs(Bulkhead);
    impl Future for Hangs {
        type Output = Result<u64, Fail>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Pending
        }
    }
    impl Drop for Hangs {
        fn drop(&mut self) {
            // Another thread could be admitted now, and this call still holds what it holds.
            assert_eq!(counts(&self.0).in_flight, 1);
        }
    }

    let layer = BulkheadLayer::new(1);
    let bulkhead = layer.bulkhead();
    let inner = tower::service_fn(move |_: u64| Hangs(bulkhead.clone()));
    drop(send(&mut layer.layer(inner.clone()), 1));
    assert_eq!(counts(&layer.bulkhead()).in_flight, 0);
    drop(send(&mut layer.clone().queue(1, Duration::from_secs(1)).layer(inner), 2));
    assert_eq!(counts(&layer.bulkhead()).cancelled, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_leaves_a_readied_inner_service_ready() {
    let (inner, probe) = Strict::ok();
    let layer = BulkheadLayer::new(1);
    let mut service = layer.layer(inner);
    let held = layer.bulkhead().try_admit().unwrap();
    rejection(now(&mut service, 1));
    held.complete();
    probe.set_pending(true);
    assert_eq!(now(&mut service, 2), Ok(2));
    assert_eq!(probe.violations(), 0);
}

#[tokio::test(start_paused = true)]
async fn bh_08_readiness_and_clones_hold_nothing() {
    let (inner, _probe) = Strict::ok();
    let layer = BulkheadLayer::new(2);
    let mut service = layer.layer(inner);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let mut clone = service.clone();
    drop(service);
    let [_a, _b] = [layer.bulkhead().try_admit().unwrap(), layer.bulkhead().try_admit().unwrap()];
    assert_eq!(rejection(clone.call(1).await).kind(), RejectedKind::NotReady, "the clone was not readied");
}

#[tokio::test(start_paused = true)]
async fn co_07_a_call_without_readiness_takes_no_permit() {
    let (inner, probe) = Strict::ok();
    let layer = BulkheadLayer::new(1);
    let mut service = layer.layer(inner);
    let future = service.call(1);
    assert!(layer.bulkhead().try_admit().is_ok());
    assert_eq!(rejection(future.await).kind(), RejectedKind::NotReady);
    assert_eq!((probe.calls(), counts(&layer.bulkhead()).not_ready), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn bh_09_every_exit_gives_the_permit_back() {
    let layer = BulkheadLayer::new(1);
    let bulkhead = layer.bulkhead();
    let service = |act| layer.layer(Strict::always(act).0);
    let ended = |bulkhead: &Bulkhead| {
        let s = counts(bulkhead);
        assert_eq!(s.in_flight, 0);
        (s.completed, s.cancelled, s.panicked)
    };

    call(&mut service(Act::Ok), 1).await.unwrap();
    assert_eq!(ended(&bulkhead), (1, 0, 0));
    call(&mut service(Act::Err), 1).await.unwrap_err();
    assert_eq!(ended(&bulkhead), (2, 0, 0));
    for (act, panicked) in [(Act::PanicInCall, 1), (Act::PanicInPoll, 2)] {
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| now(&mut service(act), 1)));
        assert!(caught.is_err());
        assert_eq!(ended(&bulkhead), (2, panicked, panicked));
    }
    let mut limited = TimeoutLayer::new(Duration::from_millis(5)).layer(service(Act::Hang));
    assert_eq!(rejection(call(&mut limited, 1).await).kind(), RejectedKind::TimedOut);
    assert_eq!(ended(&bulkhead), (2, 3, 2));
    let mut future = send(&mut service(Act::Hang), 1);
    assert!(poll_once(future.as_mut()).is_pending());
    drop(future);
    assert_eq!(ended(&bulkhead), (2, 4, 2));
    drop(send(&mut service(Act::Ok), 1));
    assert_eq!(ended(&bulkhead), (2, 5, 2));
}

#[tokio::test(start_paused = true)]
async fn a_caught_panic_gives_the_permit_back_before_the_future_is_dropped() {
    let layer = BulkheadLayer::new(1);
    let mut future = send(&mut layer.layer(Strict::always(Act::PanicInPoll).0), 1);
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut()))).is_err());
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.in_flight, seen.cancelled, seen.panicked), (0, 1, 1));
    drop(future);
    assert_eq!(counts(&layer.bulkhead()), seen);
}

#[tokio::test(start_paused = true)]
async fn bh_10_a_permit_is_given_back_once() {
    let layer = BulkheadLayer::new(2);
    let mut service = layer.layer(Strict::ok().0);
    for _ in 0..100 {
        let mut future = send(&mut service, 1);
        assert!(poll_once(future.as_mut()).is_ready());
        drop(future);
        let [a, b] = [layer.bulkhead().try_admit(), layer.bulkhead().try_admit()].map(Result::unwrap);
        assert!(layer.bulkhead().try_admit().is_err(), "there are more permits than the limit");
        a.complete();
        drop(b);
    }
    assert_eq!(counts(&layer.bulkhead()).in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn co_08_a_dropped_service_holds_nobody_up() {
    let layer = BulkheadLayer::new(1);
    let mut idle = layer.layer(Strict::ok().0);
    assert_eq!(poll_ready(&mut idle), Poll::Ready(Ok(())));
    assert_eq!(now(&mut layer.layer(Strict::ok().0), 1), Ok(1));
    drop(idle);
    assert_eq!(now(&mut layer.layer(Strict::ok().0), 2), Ok(2));
}

#[tokio::test(start_paused = true)]
async fn the_limit_moves_at_run_time() {
    let bulkhead = Bulkhead::new(2);
    let admit = || bulkhead.try_admit();
    let [a, b] = [admit().unwrap(), admit().unwrap()];
    bulkhead.set_limit(3).unwrap();
    let c = admit().unwrap();
    assert!(admit().is_err());
    // Below what is in flight: nobody is admitted until enough have ended.
    bulkhead.set_limit(1).unwrap();
    for permit in [a, b] {
        assert!(admit().is_err());
        permit.complete();
    }
    assert!(admit().is_err());
    drop(c);
    assert!(admit().is_ok());
    assert_eq!(counts(&bulkhead).limit, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_what_a_real_one_would_reject() {
    let (inner, probe) = Strict::always(Act::Hang);
    let layer = BulkheadLayer::new(2).dry_run(true);
    let mut service = layer.layer(inner);
    let mut held: Vec<_> = (0..5).map(|i| send(&mut service, i)).collect();
    let seen = counts(&layer.bulkhead());
    assert_eq!((probe.in_flight(), seen.in_flight, seen.would_reject, seen.rejected), (5, 5, 3, 0));
    // Those who passed hold no place: with the two real ones gone there is room for two.
    held.drain(..2);
    held.extend((0..2).map(|i| send(&mut service, i)));
    assert_eq!(counts(&layer.bulkhead()).would_reject, 3);
    drop(held);
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.in_flight, seen.cancelled, seen.admitted), (0, 7, 7));
    // It does not answer for a pending inner service either.
    let held = [layer.bulkhead().try_admit(), layer.bulkhead().try_admit()];
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    layer.bulkhead().set_dry_run(false);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn excess_calls_of_a_dry_run_end_like_others() {
    let bulkhead = Bulkhead::new(1);
    bulkhead.set_dry_run(true);
    let _held = bulkhead.try_admit().unwrap();
    bulkhead.try_admit().unwrap().complete();
    drop(bulkhead.try_admit().unwrap());
    let seen = counts(&bulkhead);
    assert_eq!((seen.in_flight, seen.completed, seen.cancelled, seen.would_reject), (1, 1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_becomes_what_the_caller_asked_for() {
    let layer =
        BulkheadLayer::new(1).on_reject(|rejected: Rejected| Ok::<_, Infallible>(rejected.kind().as_str()));
    let _held = layer.bulkhead().try_admit().unwrap();
    let mut service = layer.layer(tower::service_fn(|_: u64| async { Ok("sent") }));
    assert_eq!(now(&mut service, 1), Ok("bulkhead_full"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_fail_answers_503() {
    let layer = BulkheadLayer::new(1);
    let _held = layer.bulkhead().try_admit().unwrap();
    let handler =
        tower::service_fn(|_: u64| async { Ok::<_, Infallible>(http::Response::new(String::new())) });
    let response = now(&mut layer.layer(handler), 1).unwrap();
    assert_eq!(response.status(), 503);
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3).contains(&seconds), "{seconds}");
}
