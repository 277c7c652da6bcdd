//! governor with its default features: the decision alone, without a tower layer. buttress decides by it too, with a
//! table of its own.

use std::num::NonZeroU32;

use ::governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use tower::Service;

use super::kit::key;
use super::{BURST, KEYS, LONG, Maker, RATE, Subject};
use crate::alloc;
use crate::measure::{denied, through};
use crate::work::Failure;

fn quota() -> Quota {
    let number = |number| NonZeroU32::new(number).expect("above zero");
    Quota::per_second(number(RATE)).allow_burst(number(BURST))
}

pub fn direct() -> Subject {
    let limiter: DefaultDirectRateLimiter = RateLimiter::direct(quota());
    let run = through(async move |mut service, request| {
        limiter.check().map_err(|_| Failure::Refused(None))?;
        service.call(request).await
    });
    Subject::new(Maker::Governor, "check", run).core()
}

pub fn keyed() -> Subject {
    let (limiter, memory) = alloc::count(|| {
        let limiter: DefaultKeyedRateLimiter<u64> = RateLimiter::keyed(quota());
        for key in 0..KEYS {
            limiter.check_key(&key).expect("admitted");
        }
        limiter
    });
    assert_eq!(limiter.len() as u64, KEYS, "it knows all keys");
    let run = through(async move |mut service, request| {
        let request = key(request);
        limiter.check_key(&request).map_err(|_| Failure::Refused(None))?;
        service.call(request).await
    });
    let mut subject = Subject::new(Maker::Governor, "check_key, dashmap", run).core();
    subject.per_key = Some(memory.kept() as f64 / KEYS as f64);
    subject.note("unbounded until somebody calls retain_recent")
}

pub fn empty() -> Subject {
    let quota = Quota::with_period(LONG).expect("above zero");
    let limiter: DefaultDirectRateLimiter = RateLimiter::direct(quota);
    limiter.check().expect("one is admitted");
    Subject::new(
        Maker::Governor,
        "check",
        denied(move || limiter.check().map_err(|_| Failure::Refused(None))),
    )
    .core()
}
