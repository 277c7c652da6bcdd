//! tower's own traits, for balancers: a layer is as loaded as what it wraps.

use tower::load::Load;

macro_rules! forward_load {
    ($(#[$cfg:meta] $ty:ty, [$($generics:tt)*];)*) => {
        $(
            #[$cfg]
            impl<$($generics)*> Load for $ty
            where
                S: Load,
            {
                type Metric = S::Metric;

                fn load(&self) -> S::Metric {
                    self.get_ref().load()
                }
            }
        )*
    };
}

forward_load! {
    #[cfg(feature = "circuit-breaker")] crate::CircuitBreakerService<S, C, R>, [S, C, R];
    #[cfg(feature = "bulkhead")] crate::BulkheadService<S, R>, [S, R];
    #[cfg(feature = "bulkhead")] crate::bulkhead::QueuedBulkheadService<S, R>, [S, R];
    #[cfg(feature = "circuit-breaker")] crate::KeyedCircuitBreakerService<S, K, C, R>, [S, K, C, R];
    #[cfg(feature = "bulkhead")] crate::KeyedBulkheadService<S, K, R>, [S, K, R];
    #[cfg(feature = "bulkhead")] crate::bulkhead::KeyedQueuedBulkheadService<S, K, R>, [S, K, R];
    #[cfg(feature = "rate-limit")] crate::RateLimitService<S, C, R>, [S, C, R];
    #[cfg(feature = "rate-limit")] crate::rate_limit::WaitingRateLimitService<S, C, R>, [S, C, R];
    #[cfg(feature = "rate-limit")] crate::KeyedRateLimitService<S, K, C, R>, [S, K, C, R];
    #[cfg(feature = "retry")] crate::RetryService<S, C, P>, [S, C, P];
    #[cfg(feature = "timeout")] crate::TimeoutService<S, R>, [S, R];
    #[cfg(feature = "fallback")] crate::FallbackService<S, M, C, P>, [S, M, C, P];
    #[cfg(feature = "fallback")] crate::fallback::FallbackToService<S, O, C, P>, [S, O, C, P];
    #[cfg(all(feature = "http", any(feature = "circuit-breaker", feature = "bulkhead")))]
    crate::http::UntilBodyEndService<S, T>, [S, T];
    #[cfg(all(feature = "http", feature = "rate-limit"))] crate::http::RateLimitHeadersService<S, P>, [S, P];
    #[cfg(all(feature = "http", feature = "timeout"))] crate::http::InheritDeadlineService<S, R>, [S, R];
    #[cfg(all(feature = "http", any(feature = "timeout", feature = "bulkhead")))]
    crate::http::PropagateService<S>, [S];
    #[cfg(all(feature = "http", feature = "bulkhead"))] crate::http::RefuseRepeatsService<S, R>, [S, R];
    #[cfg(feature = "http")] crate::http::ExemptService<L, S, P>, [L, S, P];
    #[cfg(feature = "http")] crate::http::ProblemJsonService<S>, [S];
    #[cfg(all(feature = "http", any(feature = "retry", feature = "fallback")))]
    crate::http::PeekTrailersService<S>, [S];
    #[cfg(all(feature = "http", any(feature = "retry", feature = "fallback")))]
    crate::http::ReplayBodyService<S>, [S];
}
