//! seatbelt, as tower layers, whose futures it boxes, and as the pipeline of its own. It has no bulkhead, no rate
//! limit and no retry budget.

use ::seatbelt::breaker::{Breaker, BreakerLayer};
use ::seatbelt::retry::{Retry, RetryLayer};
use ::seatbelt::timeout::{Timeout, TimeoutLayer};
use ::seatbelt::{RecoveryInfo, ResilienceContext};
use layered::{Execute, Service as _, Stack as _};
use tick::Clock;
use tower::{Layer, Service, ServiceBuilder};

use super::kit::{above, layered, refusing};
use super::{CALLS, LONG, Maker, Subject, WINDOW};
use crate::measure::{answered, runtime, through};
use crate::work::{AtOnce, Fails, Failure, PendingOnce};

type Answer = Result<u64, Failure>;

const OWN: &str = "own pipeline";
const NO_BUDGET: &str = "no budget";
const PART: &str = "has no bulkhead, no rate limit and no budget";

pub fn context<In>() -> ResilienceContext<In, Answer> {
    let _entered = runtime().enter();
    ResilienceContext::new(Clock::new_tokio()).name("peers")
}

fn judge(answer: &Answer) -> RecoveryInfo {
    match answer {
        Ok(_) => RecoveryInfo::never(),
        Err(_) => RecoveryInfo::retry(),
    }
}

/// Its defaults.
pub fn breaker<In: 'static>(context: &ResilienceContext<In, Answer>) -> BreakerLayer<In, Answer> {
    Breaker::layer("breaker", context)
        .recovery_with(|answer, _| judge(answer))
        .rejected_input_error(|_, _| Failure::Refused(None))
}

/// Set as the others are.
fn breaker_layer() -> BreakerLayer<u64, Answer> {
    breaker(&context()).failure_threshold(0.5).min_throughput(CALLS).sampling_duration(WINDOW)
}

fn retry_layer() -> RetryLayer<u64, Answer> {
    Retry::layer("retry", &context())
        .clone_input()
        .max_retry_attempts(2)
        .recovery_with(|answer, _| judge(answer))
}

fn timeout_layer() -> TimeoutLayer<u64, Answer> {
    Timeout::layer("timeout", &context()).timeout_error(|_| Failure::Upstream).timeout(LONG)
}

fn as_layer<S>(service: S) -> Subject
where
    S: Service<u64, Error: std::fmt::Debug> + 'static,
{
    layered(Maker::Seatbelt, "", service)
}

/// A pipeline of its own crate, in front of the same service.
macro_rules! own {
    ($($layer:expr),+) => {{
        let pipeline = ($($layer,)+ Execute::new(|request: u64| AtOnce.call(request))).into_service();
        Subject::new(Maker::Seatbelt, OWN, through(async move |_, request| pipeline.execute(request).await)).core()
    }};
}

pub fn breaker_time() -> Subject {
    as_layer(breaker_layer().layer(AtOnce))
}

pub fn breaker_own() -> Subject {
    own!(breaker_layer())
}

pub fn retry() -> Subject {
    as_layer(retry_layer().layer(AtOnce)).part(NO_BUDGET)
}

pub fn retry_own() -> Subject {
    own!(retry_layer()).part(NO_BUDGET)
}

pub fn timeout() -> Subject {
    as_layer(timeout_layer().layer(AtOnce))
}

pub fn timeout_own() -> Subject {
    own!(timeout_layer())
}

pub fn timeout_pending() -> Subject {
    let service = timeout_layer().layer(PendingOnce);
    let future = above::<_, _, u64>(&service, &PendingOnce);
    Subject::new(Maker::Seatbelt, "", answered(service)).future(future)
}

pub fn three() -> Subject {
    let builder = ServiceBuilder::new().layer(retry_layer()).layer(breaker_layer()).layer(timeout_layer());
    Subject { what: "3 of the 5", ..as_layer(builder.service(AtOnce)) }.part(PART)
}

pub fn three_own() -> Subject {
    Subject { what: "3 of the 5, own pipeline", ..own!(retry_layer(), breaker_layer(), timeout_layer()) }
        .part(PART)
}

pub fn breaker_by_two() -> Subject {
    let service = breaker_layer().layer(AtOnce);
    Subject::by_two(Maker::Seatbelt, "", move || answered(service))
}

pub fn breaker_open() -> Subject {
    refusing(Maker::Seatbelt, "", breaker(&context()).break_duration(LONG).layer(Fails), CALLS)
}
