use tower::Layer;

use super::engine::KeyedRateLimiter;
use super::service::KeyedRateLimitService;
use crate::error::InvalidConfig;
use crate::key::IntoKey;
use crate::macros::stack_setter;
use crate::name::Name;
use crate::places::keyed_layer;
use crate::rate_limit::cost::{CostFn, OneCell};
use crate::rate_limit::layer::RateLimitLayer;
use crate::rate_limit::quota::Quota;
use crate::registry::in_code;
use crate::reject::{Convert, RejectWith};

/// Limits how many calls pass per time, for each key. Made by [`RateLimitLayer::per_key`].
///
/// All clones of the layer and all services it makes share one engine, and so one table of limits;
/// [`fork`](Self::fork) makes another. See the [module](crate::rate_limit#per-key) for how it decides.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct KeyedRateLimitLayer<K, C = OneCell, R = Convert> {
    engine: KeyedRateLimiter,
    key: K,
    cost: C,
    on_reject: R,
}

impl RateLimitLayer {
    /// Limits calls to this quota for each key; a call without one is not limited.
    ///
    /// The closure runs for each call, so a key that is cheap to make is best: an address, an id, a shared
    /// string. On HTTP servers, `ClientKey` takes its place (feature `http`); it knows of proxies.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use buttress::{Quota, RateLimitLayer};
    ///
    /// struct Request {
    ///     peer: Option<IpAddr>,
    /// }
    ///
    /// let layer = RateLimitLayer::per_key(Quota::per_second(10), |request: &Request| request.peer)
    ///     .name("per client")
    ///     .max_keys(10_000);
    /// assert_eq!(layer.limiter().max_keys(), 10_000);
    /// ```
    ///
    /// # Panics
    ///
    /// If the quota is out of range. [`try_per_key`](Self::try_per_key) returns an error instead.
    #[track_caller]
    #[doc(alias = "keyed")]
    pub fn per_key<K, Marker>(quota: Quota, key: K) -> KeyedRateLimitLayer<K::Strategy>
    where
        K: IntoKey<Marker>,
    {
        KeyedRateLimitLayer::from_limiter(KeyedRateLimiter::new(quota), key.into_key())
    }

    /// Limits calls to this quota for each key, as [`per_key`](Self::per_key).
    ///
    /// # Errors
    ///
    /// If the quota is out of range, see [`Quota`].
    #[track_caller]
    pub fn try_per_key<K, Marker>(
        quota: Quota,
        key: K,
    ) -> Result<KeyedRateLimitLayer<K::Strategy>, InvalidConfig>
    where
        K: IntoKey<Marker>,
    {
        // Not through a closure: it would hide the caller, whose place is the name.
        let engine = KeyedRateLimiter::try_new(quota)?;
        Ok(KeyedRateLimitLayer::from_limiter(engine, key.into_key()))
    }
}

impl<K> KeyedRateLimitLayer<K> {
    /// Puts an engine that exists in front of another service, with a [strategy](crate::KeyOf) for the key.
    pub fn from_limiter(engine: KeyedRateLimiter, key: K) -> Self {
        Self { engine, key, cost: OneCell, on_reject: Convert }
    }
}

impl<K, C, R> KeyedRateLimitLayer<K, C, R> {
    /// The name in rejections and snapshots. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { engine: self.engine.named(name), ..self }
    }

    /// Counts calls that exceed the quota, and lets them pass.
    pub fn dry_run(self, dry_run: bool) -> Self {
        in_code(self.engine.member(), || self.engine.set_dry_run(dry_run));
        self
    }

    /// How many cells a call takes, by its request. By default [one](OneCell). A call that costs nothing
    /// always passes; one that costs more than the burst never does.
    pub fn cost<F, Req>(self, cost: F) -> KeyedRateLimitLayer<K, CostFn<F>, R>
    where
        F: Fn(&Req) -> u32,
    {
        let Self { engine, key, on_reject, .. } = self;
        KeyedRateLimitLayer { engine, key, cost: CostFn(cost), on_reject }
    }

    /// What the caller of a rejected call gets. By default [`Convert`].
    pub fn reject_as<R2>(self, on_reject: R2) -> KeyedRateLimitLayer<K, C, R2> {
        let Self { engine, key, cost, .. } = self;
        KeyedRateLimitLayer { engine, key, cost, on_reject }
    }

    /// The same, by a closure: `|rejected: Rejected| ..`.
    pub fn on_reject<F>(self, on_reject: F) -> KeyedRateLimitLayer<K, C, RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    #[cfg(feature = "http")]
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// The handle: counters, and control at run time.
    #[must_use]
    pub fn limiter(&self) -> KeyedRateLimiter {
        self.engine.clone()
    }

    /// The same settings with an engine of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        K: Clone,
        C: Clone,
        R: Clone,
    {
        Self { engine: self.engine.fork(name), ..self.clone() }
    }
}

stack_setter!(KeyedRateLimitLayer<K, C, R>, [K, C, R], engine);
keyed_layer!(KeyedRateLimitLayer<K, C, R>, engine: KeyedRateLimiter, "65,536");

impl<S, K: Clone, C: Clone, R: Clone> Layer<S> for KeyedRateLimitLayer<K, C, R> {
    type Service = KeyedRateLimitService<S, K, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { engine, key, cost, on_reject } = self.clone();
        KeyedRateLimitService::new(inner, engine, key, cost, on_reject)
    }
}
