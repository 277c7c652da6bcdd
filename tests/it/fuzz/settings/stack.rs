use buttress::{BulkheadLayer, CircuitBreakerLayer, RateLimitLayer, RetryLayer, TimeoutLayer};
use tower::Layer;

use super::super::input::Input;
use super::super::laws;
use super::super::traffic::{Scripted, drive, meaning};
use super::breaker::{assert_recovers, breaker_config, turn_breaker};
use super::bulkhead::{assert_all_permits_are_back, turn_bulkhead};
use super::rate_limit::{assert_lets_through, quota, turn_limiter};
use super::retry::{policy, turn_retry};
use super::timeout::turn_timeout;

/// All of them in the recommended order.
pub async fn all(input: &mut Input<'_>) {
    let (limit, policy, config) = (input.duration(), policy(input), breaker_config(input));
    let (most, quota, attempt) = (1 + input.below(9), quota(input), input.duration());
    let Ok(total) = TimeoutLayer::try_new(limit) else { return };
    let Ok(retry) = RetryLayer::try_new(policy) else { return };
    let Ok(breaker) = CircuitBreakerLayer::try_new(config) else { return };
    let Ok(bulkhead) = BulkheadLayer::new(most).try_queue(1 + input.below(9), input.duration()) else {
        return;
    };
    let Ok(rate) = RateLimitLayer::try_new(quota).and_then(|layer| layer.try_wait(input.duration())) else {
        return;
    };
    let Ok(attempt) = TimeoutLayer::try_new(attempt) else { return };

    let (first, last) = (total.timeout(), attempt.timeout());
    let (again, circuit, permits, cells) =
        (retry.retry(), breaker.breaker(), bulkhead.bulkhead(), rate.limiter());
    let inner = bulkhead.layer(rate.layer(attempt.layer(Scripted)));
    let middle = breaker.classify_fn(meaning).layer(inner);
    let mut service = total.layer(retry.classify_fn(meaning).layer(middle));
    let turn = |input: &mut Input<'_>| match input.below(6) {
        0 => turn_timeout(&first, input),
        1 => turn_retry(&again, input),
        2 => turn_breaker(&circuit, input),
        3 => turn_bulkhead(&permits, input),
        4 => turn_limiter(&cells, input),
        _ => turn_timeout(&last, input),
    };
    drive(input, &mut service, turn).await;
    laws::hold(first.clone());
    laws::hold(last.clone());
    laws::retry(&again);
    assert_recovers(&circuit).await;
    assert_all_permits_are_back(&permits);
    assert_lets_through(&cells).await;
}
