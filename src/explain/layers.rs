//! What the layers of this crate tell of themselves.

use tower::layer::util::Identity;

use super::info::PartInfo;
use super::part::Part;
use crate::registry::Engine;
use crate::{
    BulkheadLayer, CircuitBreakerLayer, FallbackLayer, KeyedBulkheadLayer, KeyedCircuitBreakerLayer,
    KeyedRateLimitLayer, RateLimitLayer, RetryLayer, TimeoutLayer, bulkhead, fallback, rate_limit,
};

macro_rules! parts {
    ($([$($generic:ident),*] $layer:ty => $kind:ident($handle:ident) $(.$way:ident)?;)*) => {$(
        impl<$($generic),*> Part for $layer {
            fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
                tell(PartInfo::engine(Engine::$kind(self.$handle()))$(.$way())?);
            }
        }
    )*};
}

parts! {
    [R] TimeoutLayer<R> => Timeout(timeout);
    [C, P] RetryLayer<C, P> => Retry(retry);
    [R] BulkheadLayer<bulkhead::RejectNow, R> => Bulkhead(bulkhead);
    [R] BulkheadLayer<bulkhead::Queued, R> => Bulkhead(bulkhead).waits;
    [C, R] RateLimitLayer<rate_limit::RejectNow, C, R> => RateLimiter(limiter);
    [C, R] RateLimitLayer<rate_limit::Waiting, C, R> => RateLimiter(limiter).waits;
    [K, R] KeyedBulkheadLayer<K, bulkhead::RejectNow, R> => KeyedBulkhead(bulkhead);
    [K, R] KeyedBulkheadLayer<K, bulkhead::Queued, R> => KeyedBulkhead(bulkhead).waits;
    [K, C, R] KeyedCircuitBreakerLayer<K, C, R> => KeyedCircuitBreaker(breaker);
    [K, C, R] KeyedRateLimitLayer<K, C, R> => KeyedRateLimiter(limiter);
    [V, C, P] FallbackLayer<fallback::Value<V>, C, P> => Fallback(fallback);
    [F, C, P] FallbackLayer<fallback::With<F>, C, P> => Fallback(fallback);
    [O, C, P] FallbackLayer<fallback::ToService<O>, C, P> => Fallback(fallback).asks_service;
}

impl<C, R> Part for CircuitBreakerLayer<C, R> {
    fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
        let info = PartInfo::engine(Engine::CircuitBreaker(self.breaker()));
        tell(if self.is_backpressure() { info.waits() } else { info });
    }
}

impl Part for Identity {
    fn describe(&self, _: &mut dyn FnMut(PartInfo)) {}
}
