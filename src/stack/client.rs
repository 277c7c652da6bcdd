use std::time::Duration;

use tower::Layer;
use tower::layer::util::Identity;

use super::macros::parts;
use super::plate::{Named, Plate};
use crate::explain::{Explanation, Part, PartInfo};
use crate::name::Name;
use crate::{
    BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, RetryLayer, RetryPolicy, TimeoutLayer,
};

/// The stack for calls to one dependency, made by [`client_stack`].
///
/// Outermost first; what is `Identity` is not there until it is set.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
#[non_exhaustive]
pub struct ClientStack<
    F = Identity,
    T = TimeoutLayer,
    Rt = RetryLayer,
    Cb = CircuitBreakerLayer,
    Bh = BulkheadLayer,
    Rl = Identity,
    A = TimeoutLayer,
> {
    /// What the caller gets instead of a failure. Not there by default.
    pub fallback: F,
    /// The limit of the whole call: 3 s.
    pub total_timeout: T,
    /// Up to 3 attempts with full jitter, within a budget of 10 % of the calls.
    pub retry: Rt,
    /// Cuts the dependency off while it fails.
    pub circuit_breaker: Cb,
    /// At most 64 attempts at once; more are refused.
    pub bulkhead: Bh,
    /// Not there by default: only the dependency's owner knows the quota.
    pub rate_limit: Rl,
    /// The limit of each attempt: 1 s.
    pub attempt_timeout: A,
    pub(super) plate: Plate,
}

/// The recommended layers around calls to one dependency, ready to use: total timeout 3 s, retry, circuit
/// breaker, bulkhead 64, attempt timeout 1 s, all with their default settings.
///
/// Give each dependency a stack of its own. See the [module](crate::stack) for an example.
pub fn client_stack(name: impl Into<Name>) -> ClientStack {
    let stack = ClientStack {
        fallback: Identity::new(),
        total_timeout: TimeoutLayer::new(Duration::from_secs(3)),
        retry: RetryLayer::new(RetryPolicy::default()),
        circuit_breaker: CircuitBreakerLayer::new(CircuitBreakerConfig::default()),
        bulkhead: BulkheadLayer::new(64),
        rate_limit: Identity::new(),
        attempt_timeout: TimeoutLayer::new(Duration::from_secs(1)),
        plate: Plate::new(name.into()),
    };
    stack.adopt_all()
}

parts!(ClientStack<F, T, Rt, Cb, Bh, Rl, A> {
    fallback: F "", without_fallback, "the fallback";
    total_timeout: T "/total", without_total_timeout, "the limit of the whole call";
    retry: Rt "", without_retry, "the retry";
    circuit_breaker: Cb "", without_circuit_breaker, "the circuit breaker";
    bulkhead: Bh "", without_bulkhead, "the bulkhead";
    rate_limit: Rl "", without_rate_limit, "the rate limit";
    attempt_timeout: A "/attempt", without_attempt_timeout, "the limit of each attempt";
});

impl<S, F, T, Rt, Cb, Bh, Rl, A> Layer<S> for ClientStack<F, T, Rt, Cb, Bh, Rl, A>
where
    A: Layer<S> + Part,
    Rl: Layer<A::Service> + Part,
    Bh: Layer<Rl::Service> + Part,
    Cb: Layer<Bh::Service> + Part,
    Rt: Layer<Cb::Service> + Part,
    T: Layer<Rt::Service> + Part,
    F: Layer<T::Service> + Part,
{
    type Service = F::Service;

    fn layer(&self, inner: S) -> Self::Service {
        self.plate.apply(|| self.parts());
        let attempt = self.rate_limit.layer(self.attempt_timeout.layer(inner));
        let guarded = self.circuit_breaker.layer(self.bulkhead.layer(attempt));
        self.fallback.layer(self.total_timeout.layer(self.retry.layer(guarded)))
    }
}
