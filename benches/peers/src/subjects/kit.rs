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

/// A key of [`KEYS`], all of them equally often, in an order that no cache foresees.
pub const fn key(i: u64) -> u64 {
    // A bijection of 64 bits scatters neighbours (the finalizer of splitmix64).
    let i = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let i = (i ^ (i >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (i ^ (i >> 31)) % KEYS
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
    use std::collections::HashMap;

    use super::*;
    use crate::work::{Failure, Hangs};

    #[test]
    fn all_keys_come_about_equally_often() {
        let mut times: HashMap<u64, u32> = HashMap::new();
        (0..20 * KEYS / 100)
            .map(|i| key(i) % (KEYS / 100))
            .for_each(|key| *times.entry(key).or_default() += 1);
        assert_eq!(times.len() as u64, KEYS / 100);
        assert!(times.values().all(|&times| times < 60), "20 each are expected");
    }

    #[test]
    fn neighbours_are_far_apart() {
        let near = (0..1_000).filter(|&i| key(i).abs_diff(key(i + 1)) < KEYS / 1_000).count();
        assert!(near < 20, "{near} of 1,000");
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
