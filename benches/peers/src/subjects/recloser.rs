//! recloser: a circuit breaker for futures with a ring of the last calls, without a tower layer.

use ::recloser::{AsyncRecloser, Recloser};
use tower::Service;

use super::{CALLS, LONG, Maker, Subject};
use crate::measure::{Run, denied, through};
use crate::work::{AtOnce, Failure};

/// Its defaults but for the length of the ring.
pub fn recloser(calls: u32) -> AsyncRecloser {
    AsyncRecloser::from(Recloser::custom().closed_len(calls as usize).build())
}

pub fn run(recloser: AsyncRecloser) -> Run {
    through(async move |mut service, request| recloser.call(service.call(request)).await)
}

pub fn breaker() -> Subject {
    let recloser = recloser(CALLS);
    let bare = AtOnce.call(0);
    let inner = size_of_val(&bare) as i64;
    let future = size_of_val(&recloser.call(bare)) as i64 - inner;
    Subject::new(Maker::Recloser, "", run(recloser)).core().future(future)
}

pub fn breaker_by_two() -> Subject {
    let recloser = recloser(CALLS);
    Subject::by_two(Maker::Recloser, "", move || run(recloser)).core()
}

pub fn breaker_open() -> Subject {
    let recloser = Recloser::custom().open_wait(LONG).build();
    for _ in 0..=CALLS {
        let _ = recloser.call(|| Err::<(), _>(Failure::Upstream));
    }
    let refused = move || match recloser.call(|| Ok::<_, Failure>(())) {
        Err(::recloser::Error::Rejected) => Err(Failure::Refused(None)),
        _ => Ok(()),
    };
    Subject::new(Maker::Recloser, "", denied(refused)).core()
}
