//! Two endpoints under tower's balancer, one of them dead.

use std::time::Duration;

use buttress::{CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState};
use tower::Layer;
use tower::balance::p2c::Balance;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PeakEwma};

use crate::support::strict::Probe;
use crate::support::{Act, Strict, call};

const CALLS: u64 = 400;

struct Outcome {
    answered: u64,
    refused: u64,
    alive: Probe,
    dead: Probe,
    breaker: CircuitBreaker,
}

/// Some calls, one every 20 ms, through a balancer over a living endpoint and one that fails every call.
async fn balance(backpressure: bool) -> Outcome {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default().min_calls(5)).name("dead");
    let (breaker, beside) = (layer.breaker(), layer.fork("alive"));
    let endpoint = |layer: CircuitBreakerLayer, inner| {
        let layer = if backpressure { layer.backpressure() } else { layer };
        let decay = Duration::from_secs(10).as_nanos() as f64;
        layer.layer(PeakEwma::new(inner, Duration::from_millis(5), decay, CompleteOnResponse::default()))
    };
    let (living, alive) = Strict::always(Act::After(Duration::from_millis(10)));
    let (dying, dead) = Strict::always(Act::Err);
    let endpoints = [endpoint(beside, living), endpoint(layer, dying)];
    let mut balance = Balance::new(ServiceList::new(endpoints));
    let mut outcome = Outcome { answered: 0, refused: 0, alive, dead, breaker };
    for request in 0..CALLS {
        match call(&mut balance, request).await {
            Ok(_) => outcome.answered += 1,
            Err(error) if buttress::find_rejected(&*error).is_some() => outcome.refused += 1,
            Err(_) => {}
        }
        tokio::time::advance(Duration::from_millis(20)).await;
    }
    outcome
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_refuses_at_once_attracts_calls() {
    let outcome = balance(false).await;
    assert_ne!(outcome.breaker.state(), CircuitState::Closed);
    assert!(outcome.refused > CALLS / 3, "{} of {CALLS} refused", outcome.refused);
}

#[tokio::test(start_paused = true)]
async fn with_backpressure_it_gets_trial_calls_only() {
    let outcome = balance(true).await;
    let snapshot = outcome.breaker.snapshot();
    assert_eq!((outcome.refused, snapshot.rejected), (0, 0));
    assert_eq!(outcome.answered, outcome.alive.calls());
    let until_open = 5;
    let trials = outcome.dead.calls().saturating_sub(until_open);
    assert!((1..=30).contains(&trials), "{trials} trial calls in 8 s, at most five each time");
    assert_eq!(outcome.answered + outcome.dead.calls(), CALLS);
}
