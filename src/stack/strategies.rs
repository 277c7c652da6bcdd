//! Strategies for all parts of a stack at once.

#![expect(
    clippy::type_complexity,
    reason = "each part of a stack is in its type, and some have the strategy in theirs"
)]

use tower::layer::util::Identity;

use super::{ClientStack, ServerStack};
use crate::{BulkheadLayer, CircuitBreakerLayer, RetryLayer, TimeoutLayer};

impl<F, T, C, P, Cb, R, Bh, Rl, A>
    ClientStack<F, T, RetryLayer<C, P>, CircuitBreakerLayer<Cb, R>, Bh, Rl, A>
{
    /// What results mean, for the parts that ask: retry and circuit breaker. By default
    /// [`ByType`](crate::ByType). A fallback is told by its own `classify`.
    pub fn classify<D: Clone>(
        self,
        classify: D,
    ) -> ClientStack<F, T, RetryLayer<D, P>, CircuitBreakerLayer<D, R>, Bh, Rl, A> {
        let Self { fallback, total_timeout, bulkhead, rate_limit, attempt_timeout, plate, .. } = self;
        ClientStack {
            fallback,
            total_timeout,
            retry: self.retry.classify(classify.clone()),
            circuit_breaker: self.circuit_breaker.classify(classify),
            bulkhead,
            rate_limit,
            attempt_timeout,
            plate,
        }
    }
}

impl<F, T, Rt, C, Cb, M, Bh, A>
    ClientStack<
        F,
        TimeoutLayer<T>,
        Rt,
        CircuitBreakerLayer<C, Cb>,
        BulkheadLayer<M, Bh>,
        Identity,
        TimeoutLayer<A>,
    >
{
    /// What the caller of a rejected call gets, for all parts that reject. By default
    /// [`Convert`](crate::Convert). A rate limit that comes in later is told by its own `reject_as`.
    pub fn reject_as<R: Clone>(
        self,
        on_reject: R,
    ) -> ClientStack<
        F,
        TimeoutLayer<R>,
        Rt,
        CircuitBreakerLayer<C, R>,
        BulkheadLayer<M, R>,
        Identity,
        TimeoutLayer<R>,
    > {
        let Self { fallback, retry, rate_limit, plate, .. } = self;
        ClientStack {
            fallback,
            total_timeout: self.total_timeout.reject_as(on_reject.clone()),
            retry,
            circuit_breaker: self.circuit_breaker.reject_as(on_reject.clone()),
            bulkhead: self.bulkhead.reject_as(on_reject.clone()),
            rate_limit,
            attempt_timeout: self.attempt_timeout.reject_as(on_reject),
            plate,
        }
    }
}

impl<T, M, Bh> ServerStack<TimeoutLayer<T>, BulkheadLayer<M, Bh>, Identity> {
    /// What the caller of a rejected call gets, for all parts. By default [`Convert`](crate::Convert). A rate limit
    /// that comes in later is told by its own `reject_as`.
    pub fn reject_as<R: Clone>(
        self,
        on_reject: R,
    ) -> ServerStack<TimeoutLayer<R>, BulkheadLayer<M, R>, Identity> {
        ServerStack {
            total_timeout: self.total_timeout.reject_as(on_reject.clone()),
            bulkhead: self.bulkhead.reject_as(on_reject),
            rate_limit: self.rate_limit,
            plate: self.plate,
        }
    }
}
