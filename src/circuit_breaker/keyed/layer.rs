use tower::Layer;

use super::engine::KeyedCircuitBreaker;
use super::service::KeyedCircuitBreakerService;
use crate::circuit_breaker::config::CircuitBreakerConfig;
use crate::circuit_breaker::layer::CircuitBreakerLayer;
use crate::classify::{ByType, ClassifyFn};
use crate::error::InvalidConfig;
use crate::key::IntoKey;
use crate::macros::stack_setter;
use crate::name::Name;
use crate::places::keyed_layer;
use crate::registry::in_code;
use crate::reject::{Convert, RejectWith};

/// Stops calling the part of a service that fails, by key. Made by [`CircuitBreakerLayer::per_key`].
///
/// All clones of the layer and all services it makes share one engine, and so one table of circuits;
/// [`fork`](Self::fork) makes another. See the [module](crate::circuit_breaker#per-key) for how it decides.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct KeyedCircuitBreakerLayer<K, C = ByType, R = Convert> {
    breaker: KeyedCircuitBreaker,
    key: K,
    classify: C,
    on_reject: R,
}

impl CircuitBreakerLayer {
    /// A breaker with these settings for each key; a call without one is not guarded.
    ///
    /// For what is called as one service and fails in parts: shards, authorities behind one client, tenants with databases
    /// of their own.
    ///
    /// ```
    /// use buttress::{CallError, CircuitBreakerConfig, CircuitBreakerLayer};
    /// use tower::{Service, ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let layer = CircuitBreakerLayer::per_key(CircuitBreakerConfig::default(), |id: &u64| Some(id % 16)).name("storage");
    /// let breaker = layer.breaker();
    /// let mut storage = ServiceBuilder::new().layer(layer).map_err(CallError::Inner).service(service_fn(|id: u64| async move {
    ///     if id % 16 == 7 { Err(std::io::Error::other("dead shard")) } else { Ok(id) }
    /// }));
    /// let mut answered = 0;
    /// for id in 0..3_200 {
    ///     answered += u64::from(storage.ready().await.unwrap().call(id).await.is_ok());
    /// }
    /// // All other shards are as well as ever.
    /// assert_eq!(answered, 3_000);
    /// assert_eq!((breaker.snapshot().open, breaker.snapshot().rejected), (1, 100));
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If a setting breaks a rule. [`try_per_key`](Self::try_per_key) returns an error instead.
    #[track_caller]
    #[doc(alias = "keyed")]
    pub fn per_key<K, Marker>(config: CircuitBreakerConfig, key: K) -> KeyedCircuitBreakerLayer<K::Strategy>
    where
        K: IntoKey<Marker>,
    {
        KeyedCircuitBreakerLayer::from_breaker(KeyedCircuitBreaker::new(config), key.into_key())
    }

    /// A breaker with these settings for each key, as [`per_key`](Self::per_key).
    ///
    /// # Errors
    ///
    /// If a setting breaks a rule.
    #[track_caller]
    pub fn try_per_key<K, Marker>(
        config: CircuitBreakerConfig,
        key: K,
    ) -> Result<KeyedCircuitBreakerLayer<K::Strategy>, InvalidConfig>
    where
        K: IntoKey<Marker>,
    {
        // Not through a closure: it would hide the caller, whose place is the name.
        let breaker = KeyedCircuitBreaker::try_new(config)?;
        Ok(KeyedCircuitBreakerLayer::from_breaker(breaker, key.into_key()))
    }
}

impl<K> KeyedCircuitBreakerLayer<K> {
    /// Puts an engine that exists in front of another service, with a [strategy](crate::KeyOf) for the key.
    pub fn from_breaker(breaker: KeyedCircuitBreaker, key: K) -> Self {
        Self { breaker, key, classify: ByType, on_reject: Convert }
    }
}

impl<K, C, R> KeyedCircuitBreakerLayer<K, C, R> {
    /// The name in rejections, events and snapshots. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { breaker: self.breaker.named(name), ..self }
    }

    /// Decides as ever, counts what it would reject, and lets it pass. By default off.
    pub fn dry_run(self, dry_run: bool) -> Self {
        in_code(self.breaker.member(), || self.breaker.set_dry_run(dry_run));
        self
    }

    /// What a result means. By default [`ByType`]: response and error types say it.
    pub fn classify<D>(self, classify: D) -> KeyedCircuitBreakerLayer<K, D, R> {
        let Self { breaker, key, on_reject, .. } = self;
        KeyedCircuitBreakerLayer { breaker, key, classify, on_reject }
    }

    /// What a result means, by a closure: `|result: Result<&Response, &Error>| ..`.
    pub fn classify_fn<F>(self, classify: F) -> KeyedCircuitBreakerLayer<K, ClassifyFn<F>, R> {
        self.classify(ClassifyFn(classify))
    }

    /// What the caller of a rejected call gets. By default [`Convert`].
    pub fn reject_as<R2>(self, on_reject: R2) -> KeyedCircuitBreakerLayer<K, C, R2> {
        let Self { breaker, key, classify, .. } = self;
        KeyedCircuitBreakerLayer { breaker, key, classify, on_reject }
    }

    /// The same, by a closure: `|rejected: Rejected| ..`.
    pub fn on_reject<F>(self, on_reject: F) -> KeyedCircuitBreakerLayer<K, C, RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// The engine: counts, keys, and control at run time.
    #[must_use]
    pub fn breaker(&self) -> KeyedCircuitBreaker {
        self.breaker.clone()
    }

    /// The same settings with an engine of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        K: Clone,
        C: Clone,
        R: Clone,
    {
        Self { breaker: self.breaker.fork(name), ..self.clone() }
    }
}

stack_setter!(KeyedCircuitBreakerLayer<K, C, R>, [K, C, R], breaker);
keyed_layer!(KeyedCircuitBreakerLayer<K, C, R>, breaker: KeyedCircuitBreaker, "1,024");

impl<S, K: Clone, C: Clone, R: Clone> Layer<S> for KeyedCircuitBreakerLayer<K, C, R> {
    type Service = KeyedCircuitBreakerService<S, K, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { breaker, key, classify, on_reject } = self.clone();
        KeyedCircuitBreakerService::new(inner, breaker, key, classify, on_reject)
    }
}
