//! The circuit breakers of all crates, as the scenes want them.

use std::time::Duration;

use ::failsafe::futures::CircuitBreaker as _;
use ::failsafe::{Config, FailurePolicy, backoff, failure_policy};
use ::recloser::{AsyncRecloser, Recloser};
use tower::{Layer, Service};
use tower_resilience::circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

use super::breaker::{Ask, Breaker, Dependency, outcome};
use crate::subjects::{CALLS, Maker, WINDOW, buttress, recloser, resilience, seatbelt};
use crate::work::Failure;

/// As their documentation has them; tower-resilience with a time window besides, since its default never slides.
pub fn defaults() -> Vec<Breaker> {
    vec![
        ours("", buttress::defaults()),
        theirs("", CircuitBreakerLayer::builder().build().expect("a valid breaker")),
        theirs("10 s window", resilience::time(WINDOW)),
        belt("", seatbelt::breaker(&seatbelt::context())),
        safe("", Config::new()),
        close("", AsyncRecloser::from(Recloser::default())),
    ]
}

/// As their documentation has them, but open for that long only.
pub fn opening_for(open: Duration) -> Vec<Breaker> {
    let again = || backoff::equal_jittered(open, 30 * open);
    let policy = failure_policy::success_rate_over_time_window(0.8, 5, Duration::from_secs(30), again())
        .or_else(failure_policy::consecutive_failures(5, again()));
    vec![
        ours("", buttress::opening_for(open)),
        theirs("", resilience::opening_for(open)),
        belt("", seatbelt::breaker(&seatbelt::context()).break_duration(open)),
        safe("", Config::new().failure_policy(policy)),
        close("", AsyncRecloser::from(Recloser::custom().open_wait(open).build())),
    ]
}

/// The last 100 calls, half of them; whoever cannot do that has the window it has, and ours has that one too.
pub fn of_the_last_hundred() -> Vec<Breaker> {
    let belted = seatbelt::breaker(&seatbelt::context());
    let belted = belted.failure_threshold(0.5).min_throughput(CALLS).sampling_duration(WINDOW);
    vec![
        ours("last 100 calls", buttress::last(CALLS)),
        ours("10 s window", buttress::time(WINDOW)),
        theirs("last 100 calls", resilience::last(CALLS)),
        close("last 100 calls", recloser::recloser(CALLS)),
        belt("10 s window", belted),
        safe("five in a row, its default", Config::new()),
    ]
}

fn ours(what: &'static str, layer: ::buttress::CircuitBreakerLayer) -> Breaker {
    let refused = |error: &Failure| matches!(error, Failure::Refused(_));
    Breaker::layered(Maker::Buttress, what, layer.layer(Dependency), refused)
}

fn theirs(what: &'static str, layer: CircuitBreakerLayer) -> Breaker {
    let refused = CircuitBreakerError::<Failure>::is_circuit_open;
    Breaker::layered(Maker::TowerResilience, what, layer.layer(Dependency), refused)
}

fn belt(what: &'static str, layer: ::seatbelt::breaker::BreakerLayer<Ask, Result<u64, Failure>>) -> Breaker {
    let refused = |error: &Failure| matches!(error, Failure::Refused(_));
    Breaker::layered(Maker::Seatbelt, what, layer.layer(Dependency), refused)
}

fn safe<P>(what: &'static str, config: Config<P, ()>) -> Breaker
where
    P: FailurePolicy + Send + Sync + 'static,
{
    let breaker = config.build();
    Breaker::new(Maker::Failsafe, what, move |ask| {
        let call = breaker.call(Dependency.call(ask));
        Box::pin(async move { outcome(call.await, |error| matches!(error, ::failsafe::Error::Rejected)) })
    })
}

fn close(what: &'static str, recloser: AsyncRecloser) -> Breaker {
    Breaker::new(Maker::Recloser, what, move |ask| {
        let call = recloser.call(Dependency.call(ask));
        Box::pin(async move { outcome(call.await, |error| matches!(error, ::recloser::Error::Rejected)) })
    })
}
