//! Of what keeps something for each key.

use std::time::Duration;

use buttress::{
    BulkheadLayer, CircuitBreakerLayer, KeyedBulkhead, KeyedCircuitBreaker, KeyedRateLimiter, Overflow,
    RateLimitLayer,
};
use tokio::time::advance;
use tower::Layer;

use super::super::input::Input;
use super::super::traffic::{Scripted, drive, meaning};
use super::super::{documented, laws};
use super::breaker::{LONG, breaker_config, wait_until_it_lets_calls_through};
use super::built;
use super::rate_limit::quota;

const MS: Duration = Duration::from_millis(1);

/// One of seven, or none.
fn key(request: &u64) -> Option<u64> {
    Some(request >> 32 & 7).filter(|key| *key > 0)
}

fn overflow(input: &mut Input<'_>) -> Overflow {
    input.one_of(&[Overflow::Share, Overflow::Reject])
}

pub fn turn_keyed_limiter(limiter: &KeyedRateLimiter, input: &mut Input<'_>) {
    match input.below(5) {
        0 => limiter.set_dry_run(input.is()),
        1 => limiter.set_overflow(overflow(input)),
        2 => drop(limiter.sweep()),
        3 => {
            let quota = quota(input);
            built(limiter.set_quota(quota), &quota, documented::quota(quota));
        }
        _ => {
            let max = input.size();
            built(limiter.set_max_keys(max), &max, documented::max_keys(max));
        }
    }
    laws::hold(limiter.clone());
}

pub async fn keyed_rate_limit(input: &mut Input<'_>) {
    let (quota, max) = (quota(input), input.size());
    let layer = RateLimitLayer::try_per_key(quota, key);
    let Some(layer) = built(layer, &quota, documented::quota(quota)) else { return };
    let Some(layer) = built(layer.try_max_keys(max), &max, documented::max_keys(max)) else { return };
    let limiter = layer.limiter();
    drive(input, &mut layer.layer(Scripted), |input| turn_keyed_limiter(&limiter, input)).await;
    laws::hold(limiter.clone());
    limiter.set_dry_run(false);
    // Where it holds more than it may, it tells when the first key goes, and it may take all of them.
    for _ in 0..8 {
        advance(limiter.peek(&1_u64).next_cell).await;
        if limiter.try_admit(&1_u64).is_ok() {
            return;
        }
        assert!(!limiter.peek(&1_u64).next_cell.is_zero(), "{:?}", limiter.snapshot());
    }
    panic!("never let in: {:?}", limiter.snapshot());
}

fn turn_keyed_breaker(breaker: &KeyedCircuitBreaker, input: &mut Input<'_>) {
    match input.below(5) {
        0 => breaker.set_dry_run(input.is()),
        1 => breaker.set_overflow(overflow(input)),
        2 => {
            let config = breaker_config(input);
            built(breaker.set_config(config.clone()), &config, documented::breaker(&config));
        }
        3 => {
            let max = input.size();
            built(breaker.set_max_keys(max), &max, documented::max_keys(max));
        }
        _ => {
            let Some(circuit) = breaker.get_or_make(&(1 + input.below(7) as u64)) else { return };
            match input.below(6) {
                0 => circuit.isolate(),
                1 => circuit.isolate_for(input.duration()),
                2 => circuit.bypass(),
                3 => circuit.bypass_for(input.duration()),
                4 => circuit.automatic(),
                _ => circuit.reset(),
            }
        }
    }
    laws::hold(breaker.clone());
}

pub async fn keyed_breaker(input: &mut Input<'_>) {
    let (config, max) = (breaker_config(input), input.size());
    let layer = CircuitBreakerLayer::try_per_key(config.clone(), key);
    let Some(layer) = built(layer, &config, documented::breaker(&config)) else { return };
    let Some(layer) = built(layer.try_max_keys(max), &max, documented::max_keys(max)) else { return };
    let breaker = layer.breaker();
    let mut service = layer.classify_fn(meaning).layer(Scripted);
    drive(input, &mut service, |input| turn_keyed_breaker(&breaker, input)).await;
    laws::hold(breaker.clone());
    assert_eq!(breaker.snapshot().in_flight, 0, "{:?}", breaker.snapshot());
    breaker.set_dry_run(false);
    for key in 1..8_u64 {
        let Some(circuit) = breaker.get(&key) else { continue };
        let s = circuit.snapshot();
        wait_until_it_lets_calls_through(&s, || circuit.reset()).await;
        assert!(breaker.try_admit(&key).is_ok(), "{s:?}");
    }
    assert_strangers_are_served(&breaker).await;
}

/// Those who find no place share a circuit, which closes again like any other.
async fn assert_strangers_are_served(breaker: &KeyedCircuitBreaker) {
    breaker.set_overflow(Overflow::Share);
    for key in 1..8_u64 {
        if let Err(rejected) = breaker.try_admit(&key) {
            // None if it is open for good: its settings say so.
            let Some(wait) = rejected.retry_after().filter(|wait| *wait < LONG) else { continue };
            advance(wait).await;
            assert!(breaker.try_admit(&key).is_ok(), "{:?}", breaker.snapshot());
        }
    }
}

fn turn_keyed_bulkhead(bulkhead: &KeyedBulkhead, input: &mut Input<'_>) {
    match input.below(5) {
        0 => bulkhead.set_dry_run(input.is()),
        1 => bulkhead.set_overflow(overflow(input)),
        2 => {
            let limit = input.size();
            built(bulkhead.set_limit(limit), &limit, documented::bulkhead(limit));
        }
        3 => {
            let (len, wait) = (input.size(), input.duration());
            built(bulkhead.set_queue(len, wait), &(len, wait), documented::queue(len, wait));
        }
        _ => {
            let max = input.size();
            built(bulkhead.set_max_keys(max), &max, documented::max_keys(max));
        }
    }
    laws::hold(bulkhead.clone());
}

pub async fn keyed_bulkhead(input: &mut Input<'_>) {
    let (limit, max) = (input.size(), input.size());
    let layer = BulkheadLayer::try_per_key(limit, key);
    let Some(layer) = built(layer, &limit, documented::bulkhead(limit)) else { return };
    let Some(layer) = built(layer.try_max_keys(max), &max, documented::max_keys(max)) else { return };
    let bulkhead = layer.bulkhead();
    if input.is() {
        drive(input, &mut layer.layer(Scripted), |input| turn_keyed_bulkhead(&bulkhead, input)).await;
    } else {
        let (len, wait) = (input.size(), input.duration());
        let layer = built(layer.try_queue(len, wait), &(len, wait), documented::queue(len, wait));
        let Some(layer) = layer else { return };
        drive(input, &mut layer.layer(Scripted), |input| turn_keyed_bulkhead(&bulkhead, input)).await;
    }
    laws::hold(bulkhead.clone());
    let s = bulkhead.snapshot();
    assert_eq!((s.in_flight, s.waiting), (0, 0), "{s:?}");
    bulkhead.set_dry_run(false);
    // Nobody holds a place any more, so this key finds one, with room for as many calls as any other. But for a key that
    // finds none, places are looked for once in a while only.
    advance(MS).await;
    let permits: Vec<_> = (0..s.limit.min(40)).map(|_| bulkhead.try_admit(&1_u64)).collect();
    assert!(permits.iter().all(Result::is_ok), "{s:?}");
    assert_eq!(bulkhead.try_admit(&1_u64).is_ok(), s.limit > permits.len(), "{s:?}");
}
