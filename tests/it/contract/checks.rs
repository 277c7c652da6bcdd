//! The checks, each over a layer that admits calls.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::Poll;

use buttress::RejectedKind;
use tower::buffer::Buffer;
use tower::{Layer, Service};

use super::{Laws, Unreadied};
use crate::support::{Act, Fail, Strict, TestError, call, now, poll_once, poll_ready, rejection};

/// What the suite asks of a layer over [`Strict`].
pub trait Subject: Layer<Strict, Service: Svc> + Clone {}
impl<L: Layer<Strict, Service: Svc> + Clone> Subject for L {}

pub trait Svc:
    Service<u64, Response = u64, Error = Fail, Future: Send + 'static> + Clone + Send + 'static
{
}
impl<S> Svc for S where
    S: Service<u64, Response = u64, Error = Fail, Future: Send + 'static> + Clone + Send + 'static
{
}

fn assert_law(laws: Laws) {
    assert_eq!(laws.calls, laws.admitted + laws.rejected, "calls = admitted + rejected: {laws:?}");
}

fn assert_quiet(laws: Laws) {
    assert_law(laws);
    assert_eq!(laws.in_flight, 0, "something is still held: {laws:?}");
}

pub async fn calls_the_readied_receiver<L: Subject>(make: impl Fn() -> L, laws: impl Fn(&L) -> Laws) {
    let layer = make();
    let (inner, probe) = Strict::ok();
    let mut service = layer.layer(inner);
    for i in 0..100 {
        assert_eq!(call(&mut service, i).await, Ok(i));
        assert_eq!(call(&mut service.clone(), i).await, Ok(i));
    }
    assert_eq!((probe.calls(), probe.violations()), (200, 0));
    assert_eq!(laws(&layer).calls, 200);
    assert_quiet(laws(&layer));
}

pub async fn readiness_reserves_nothing<L: Subject>(make: impl Fn() -> L, laws: impl Fn(&L) -> Laws) {
    let layer = make();
    let (inner, probe) = Strict::ok();
    let mut service = layer.layer(inner);
    let before = laws(&layer);
    let mut idle: Vec<_> = (0..10_000).map(|_| service.clone()).collect();
    for service in &mut idle {
        assert_eq!(poll_ready(service), Poll::Ready(Ok(())));
        assert_eq!(poll_ready(service), Poll::Ready(Ok(())));
    }
    assert_eq!(laws(&layer), before, "polling for readiness changed the state");
    assert_eq!(call(&mut service, 1).await, Ok(1));
    drop(idle);
    assert_eq!(call(&mut service, 2).await, Ok(2));
    assert_eq!(probe.violations(), 0);
}

pub async fn ready_stays_ready<L: Subject>(make: impl Fn() -> L) {
    let (inner, probe) = Strict::ok();
    let mut service = make().layer(inner);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    probe.set_pending(true);
    for _ in 0..10 {
        assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    }
    assert_eq!(service.call(3).await, Ok(3));
    assert_eq!(probe.violations(), 0);
}

pub async fn pending_readiness_is_passed_on_and_woken<L: Subject>(make: impl Fn() -> L) {
    let (inner, probe) = Strict::ok();
    let mut service = make().layer(inner);
    probe.set_pending(true);
    assert_eq!(poll_ready(&mut service), Poll::Pending);
    let caller = tokio::spawn(async move { call(&mut service, 4).await });
    tokio::task::yield_now().await;
    assert!(probe.waiting() > 0, "nobody waits for the inner service");
    assert_eq!(probe.calls(), 0);
    probe.set_pending(false);
    assert_eq!(caller.await.unwrap(), Ok(4));
    assert_eq!(probe.violations(), 0);
}

pub async fn only_the_inner_error_comes_from_poll_ready<L: Subject>(make: impl Fn() -> L) {
    let (inner, probe) = Strict::ok();
    let mut service = make().layer(inner);
    probe.set_broken();
    assert_eq!(poll_ready(&mut service), Poll::Ready(Err(Fail::Inner(TestError(u64::MAX)))));
}

pub async fn a_call_without_readiness<L: Subject>(
    make: impl Fn() -> L,
    laws: impl Fn(&L) -> Laws,
    expected: Unreadied,
) {
    let layer = make();
    let (inner, probe) = Strict::ok();
    let mut service = layer.layer(inner);
    let result = service.call(5).await;
    assert_eq!(probe.violations(), 0, "an unready service was called");
    match expected {
        Unreadied::Rejected => {
            let rejected = rejection(result);
            assert_eq!(rejected.kind(), RejectedKind::NotReady);
            assert!(!rejected.was_sent());
            assert_eq!(probe.calls(), 0);
            assert_eq!((laws(&layer).rejected, laws(&layer).in_flight), (1, 0));
        }
        Unreadied::Answered => assert!(result.is_ok(), "{result:?}"),
    }
    assert_quiet(laws(&layer));
    assert_eq!(call(&mut service, 6).await, Ok(6));
}

pub async fn dropped_futures_release_everything<L: Subject>(make: impl Fn() -> L, laws: impl Fn(&L) -> Laws) {
    let layer = make();
    let (inner, probe) = Strict::new(|_, request| if request == 0 { Act::Hang } else { Act::Ok });
    let mut service = layer.layer(inner);
    for _ in 0..1_000 {
        // Before the first poll.
        assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
        drop(service.call(0));
        // Mid-flight.
        assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
        let mut future = Box::pin(service.call(0));
        assert_eq!(poll_once(future.as_mut()), Poll::Pending);
        drop(future);
        assert_eq!(probe.in_flight(), 0);
        assert_quiet(laws(&layer));
    }
    assert_eq!(call(&mut service, 7).await, Ok(7));
    assert_eq!(probe.violations(), 0);
}

pub async fn completion_releases_before_the_drop<L: Subject>(
    make: impl Fn() -> L,
    laws: impl Fn(&L) -> Laws,
) {
    let layer = make();
    let (inner, _probe) = Strict::ok();
    let mut service = layer.layer(inner);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let mut future = pin!(service.call(8));
    assert_eq!(poll_once(future.as_mut()), Poll::Ready(Ok(8)));
    assert_quiet(laws(&layer));
}

pub async fn panics_reach_the_caller_and_release<L: Subject>(
    make: impl Fn() -> L,
    laws: impl Fn(&L) -> Laws,
) {
    let layer = make();
    let (inner, probe) = Strict::new(|_, request| match request {
        0 => Act::PanicInCall,
        1 => Act::PanicInPoll,
        _ => Act::Ok,
    });
    for request in [0, 1] {
        let mut service = layer.layer(inner.clone());
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| now(&mut service, request)));
        assert!(caught.is_err(), "the panic was swallowed");
        drop(service);
        assert_quiet(laws(&layer));
    }
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 9).await, Ok(9));
    assert_eq!((probe.in_flight(), probe.violations()), (0, 0));
}

/// As a layer that turns panics into responses meets it: the future is still there when the panic was caught.
pub async fn a_panic_that_is_caught_releases_at_once<L: Subject>(
    make: impl Fn() -> L,
    laws: impl Fn(&L) -> Laws,
) {
    let layer = make();
    let (inner, _probe) = Strict::always(Act::PanicInPoll);
    let mut service = layer.layer(inner);
    assert_eq!(poll_ready(&mut service), Poll::Ready(Ok(())));
    let mut future = Box::pin(service.call(1));
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| poll_once(future.as_mut())));
    assert!(caught.is_err(), "the panic was swallowed");
    assert_quiet(laws(&layer));
}

pub async fn a_buffer_survives_above_and_below<L: Subject>(make: impl Fn() -> L) {
    let script = |_, request| if request % 2 == 0 { Act::Ok } else { Act::Err };
    let (inner, below) = Strict::new(script);
    let mut above = Buffer::new(make().layer(inner), 4);
    for request in 0..20 {
        let result = call(&mut above, request).await;
        assert_eq!(result.is_ok(), request % 2 == 0, "{result:?}");
    }
    assert_eq!((below.calls() >= 20, below.violations()), (true, 0));
    #[cfg(feature = "test-util")]
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    assert_eq!(call(&mut above, 10).await.unwrap(), 10, "the buffer was closed by an error of poll_ready");
}

pub async fn state_is_shared_by_all_services_of_a_layer<L: Subject>(
    make: impl Fn() -> L,
    laws: impl Fn(&L) -> Laws,
) {
    let layer = make();
    for _ in 0..3 {
        let (inner, _probe) = Strict::ok();
        let mut service = layer.clone().layer(inner);
        assert_eq!(call(&mut service, 1).await, Ok(1));
        assert_eq!(call(&mut service.clone(), 1).await, Ok(1));
    }
    assert_eq!(laws(&layer).calls, 6);
}

pub fn everything_is_made_outside_a_runtime<L: Subject>(make: impl Fn() -> L, laws: impl Fn(&L) -> Laws) {
    let layer = make();
    let (inner, _probe) = Strict::ok();
    let make_many = || (0..1_000).map(|_| layer.layer(inner.clone())).collect::<Vec<_>>();
    drop(make_many());
    assert_eq!(laws(&layer), laws(&make()), "a service that is gone changed the state");
    let mut services = make_many();
    assert_eq!(laws(&layer), laws(&make()), "making a service changed the state");
    // A call that is answered at once needs no runtime either.
    assert_eq!(now(&mut services[0], 1), Ok(1));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for service in &mut services[..10] {
            assert_eq!(call(service, 2).await, Ok(2));
        }
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0, "a task was spawned");
    });
}
