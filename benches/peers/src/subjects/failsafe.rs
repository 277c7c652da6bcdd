//! failsafe: a circuit breaker for futures, without a tower layer. Its default opens by its moving average over 30 s,
//! or after five failures in a row.

use ::failsafe::failure_policy::consecutive_failures;
use ::failsafe::futures::CircuitBreaker;
use ::failsafe::{Config, StateMachine, backoff};
use tower::Service;

use super::{LONG, Maker, Subject};
use crate::measure::{Run, denied, through};
use crate::work::{AtOnce, Failure};

const NOTE: &str = "its default: moving average over 30 s, or five failures in a row";
const FAILURES: u32 = 5;

fn run<B: CircuitBreaker + 'static>(breaker: B) -> Run {
    through(async move |mut service, request| breaker.call(service.call(request)).await)
}

pub fn breaker() -> Subject {
    let breaker = Config::new().build();
    let bare = AtOnce.call(0);
    let inner = size_of_val(&bare) as i64;
    let future = size_of_val(&breaker.call(bare)) as i64 - inner;
    Subject::new(Maker::Failsafe, "", run(breaker)).core().future(future).note(NOTE)
}

pub fn breaker_by_two() -> Subject {
    let breaker = Config::new().build();
    Subject::by_two(Maker::Failsafe, "", move || run(breaker)).core().note(NOTE)
}

pub fn breaker_open() -> Subject {
    let policy = consecutive_failures(FAILURES, backoff::constant(LONG));
    let breaker: StateMachine<_, _> = Config::new().failure_policy(policy).build();
    (0..FAILURES).for_each(|_| breaker.on_error());
    let run = denied(move || match breaker.is_call_permitted() {
        true => Ok(()),
        false => Err(Failure::Refused(None)),
    });
    Subject::new(Maker::Failsafe, "", run).core()
}
