//! What the subjects are made with.

use std::fmt::Debug;
use std::pin::Pin;
use std::task::{Context, Waker};

use ::tower::{Service, ServiceExt};

use super::{KEYS, Maker, Subject};
use crate::measure::{answered, refused, runtime};
use crate::work::AtOnce;

/// How much larger the future of `S` is than that of the service inside.
pub fn above<S: Service<Req>, Inner: Service<Req>, Req>(_: &S, _: &Inner) -> i64 {
    size_of::<S::Future>() as i64 - size_of::<Inner::Future>() as i64
}

/// A layered service in front of [`AtOnce`].
pub fn layered<S>(maker: Maker, what: &'static str, service: S) -> Subject
where
    S: Service<u64, Error: Debug> + 'static,
{
    let future = above::<_, _, u64>(&service, &AtOnce);
    Subject::new(maker, what, answered(service)).future(future)
}

/// A key of [`KEYS`], each of them once before any comes again, in an order that no cache foresees.
pub const fn key(i: u64) -> u64 {
    // Prime to the number of keys, so that none is left out; near its golden section, so that neighbours are scattered.
    const STEP: u64 = 618_033;
    i % KEYS * STEP % KEYS
}

/// The first call, readied, and polled once: some take their permit only then.
fn begun<S: Service<u64, Error: Debug>>(service: &mut S) -> Pin<Box<S::Future>> {
    let call = runtime().block_on(async { Some(service.ready().await.expect("ready").call(0)) });
    let mut call = Box::pin(call.expect("a call"));
    // Some make a timer.
    let _entered = runtime().enter();
    let hangs = call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
    assert!(hangs, "it holds its permit");
    call
}

/// Has its calls refused, once some were made that bring that about.
pub fn refusing<S>(maker: Maker, what: &'static str, mut service: S, calls: u32) -> Subject
where
    S: Service<u64, Response: Debug, Error: Debug> + 'static,
{
    runtime().block_on(async {
        for call in 0..calls {
            let _ = service.ready().await.expect("ready").call(call.into()).await;
        }
    });
    Subject::new(maker, what, refused(service))
}

/// Has its calls refused because one is still in flight.
pub fn full<S>(
    maker: Maker,
    what: &'static str,
    mut first: S,
    others: impl Service<u64, Response: Debug, Error: Debug> + 'static,
) -> Subject
where
    S: Service<u64, Error: Debug, Future: 'static> + 'static,
{
    let held = begun(&mut first);
    let mut run = refused(others);
    Subject::new(
        maker,
        what,
        Box::new(move |calls| {
            let _ = &held;
            run(calls)
        }),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::work::{Failure, Hangs};

    #[test]
    fn each_key_comes_once_before_any_comes_again() {
        for begin in [0, 12_345] {
            let keys: HashSet<u64> = (begin..begin + KEYS).map(key).collect();
            assert_eq!((keys.len() as u64, keys.into_iter().max()), (KEYS, Some(KEYS - 1)));
        }
    }

    #[test]
    fn neighbours_are_far_apart() {
        let nearest = (0..1_000).map(|i| (1..=10).map(|n| key(i).abs_diff(key(i + n))).min());
        assert!(nearest.min() > Some(Some(KEYS / 100)));
    }

    #[test]
    fn a_full_one_refuses_everything() {
        let limit = ::tower::limit::ConcurrencyLimit::new(Hangs, 1);
        let mut subject = full(Maker::Tower, "", limit.clone(), ::tower::load_shed::LoadShed::new(limit));
        (subject.run)(10);
    }

    #[test]
    #[should_panic(expected = "refused")]
    fn calls_that_are_not_refused_are_no_refusals() {
        (refusing(Maker::Bare, "", AtOnce, 0).run)(1);
    }

    #[test]
    fn sizes_are_above_the_inner_future() {
        assert_eq!(above::<_, _, u64>(&AtOnce, &AtOnce), 0);
        let inner = size_of::<std::future::Ready<Result<u64, Failure>>>() as i64;
        assert_eq!(above::<_, _, u64>(&Hangs, &AtOnce), -inner);
    }
}
