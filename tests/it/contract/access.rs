//! The service inside can be looked at and taken out again.

use std::time::Duration;

use buttress::http::{
    ExemptLayer, InheritDeadlineLayer, PeekTrailersLayer, ProblemJsonLayer, PropagateLayer,
    RefuseRepeatsLayer, ReplayBodyLayer,
};
use buttress::{
    Bulkhead, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Quota, RateLimitLayer,
    RetryLayer, RetryPolicy, TimeoutLayer,
};
use tower::Layer;

const SECOND: Duration = Duration::from_secs(1);

/// As an inner service it only has to be recognised.
#[derive(Clone, Debug, PartialEq)]
struct Inside(u64);

/// `get_mut` is there where no spare clone is held, which it would not change.
macro_rules! gives_access {
    ($($layer:expr),* $(,)?) => { $(
        let mut service = $layer.layer(Inside(1));
        let inside: &mut Inside = service.get_mut();
        inside.0 += 1;
        assert_eq!(service.get_ref(), &Inside(2));
        assert_eq!(service.into_inner(), Inside(2));
    )* };
}

macro_rules! can_be_taken_out {
    ($($layer:expr),* $(,)?) => { $(
        let service = $layer.layer(Inside(1));
        assert_eq!(service.get_ref(), &Inside(1));
        assert_eq!(service.into_inner(), Inside(1));
    )* };
}

/// Around the service of another layer of ours.
macro_rules! gives_access_in_two_steps {
    ($($layer:expr),* $(,)?) => { $(
        let mut service = $layer.layer(Inside(1));
        service.get_mut().get_mut().0 += 1;
        assert_eq!(service.get_ref().get_ref(), &Inside(2));
        assert_eq!(service.into_inner().into_inner(), Inside(2));
    )* };
}

#[test]
fn every_service_gives_access_to_the_one_inside() {
    let config = CircuitBreakerConfig::default;
    let quota = Quota::per_second(1);
    let key = |request: &u64| Some(*request);
    gives_access!(
        TimeoutLayer::new(SECOND),
        CircuitBreakerLayer::new(config()),
        CircuitBreakerLayer::new(config()).backpressure(),
        CircuitBreakerLayer::per_key(config(), key),
        BulkheadLayer::new(1),
        BulkheadLayer::per_key(1, key),
        RateLimitLayer::new(quota),
        RateLimitLayer::per_key(quota, key),
        FallbackLayer::value(0_u64),
        InheritDeadlineLayer::new(),
        PropagateLayer::new(),
        RefuseRepeatsLayer::new(Bulkhead::new(1)),
        PeekTrailersLayer::new(),
        ProblemJsonLayer::new(),
        ReplayBodyLayer::new(),
    );
    can_be_taken_out!(
        BulkheadLayer::new(1).queue(1, SECOND),
        BulkheadLayer::per_key(1, key).queue(1, SECOND),
        RateLimitLayer::new(quota).wait(SECOND),
        RetryLayer::new(RetryPolicy::default()),
        FallbackLayer::service(Inside(7)),
        ExemptLayer::new(TimeoutLayer::new(SECOND), ["/healthz"]),
    );
    gives_access_in_two_steps!(
        CircuitBreakerLayer::new(config()).until_body_end(),
        CircuitBreakerLayer::per_key(config(), key).until_body_end(),
        BulkheadLayer::new(1).until_body_end(),
        BulkheadLayer::per_key(1, key).until_body_end(),
        RateLimitLayer::new(quota).headers("ours"),
        RateLimitLayer::per_key(quota, key).headers("ours"),
    );
}
