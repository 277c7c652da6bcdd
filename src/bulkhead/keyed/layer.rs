use std::time::Duration;

use tower::Layer;

use super::engine::KeyedBulkhead;
use super::service::{KeyedBulkheadService, KeyedQueuedBulkheadService};
use crate::bulkhead::layer::{BulkheadLayer, Queued, RejectNow};
use crate::error::{InvalidConfig, valid};
use crate::key::IntoKey;
use crate::macros::stack_setter;
use crate::name::Name;
use crate::places::keyed_layer;
use crate::registry::in_code;
use crate::reject::{Convert, RejectWith};

/// Limits how many calls are in flight at once, for each key. Made by [`BulkheadLayer::per_key`].
///
/// All clones of the layer and all services it makes share one engine, and so one table of limits;
/// [`fork`](Self::fork) makes another. See the [module](crate::bulkhead#per-key) for how it decides.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct KeyedBulkheadLayer<K, M = RejectNow, R = Convert> {
    engine: KeyedBulkhead,
    key: K,
    mode: M,
    on_reject: R,
}

impl BulkheadLayer {
    /// Lets this many calls of each key be in flight, and rejects others at once; a call without a key is not limited.
    ///
    /// So that one slow shard, or one busy tenant, does not take all the room there is.
    ///
    /// ```
    /// use buttress::{BoxError, BulkheadLayer};
    /// use tower::{Layer, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let layer = BulkheadLayer::per_key(4, |tenant: &&'static str| Some(*tenant)).name("reports");
    /// let reports = layer.layer(service_fn(|tenant: &'static str| async move { Ok::<_, BoxError>(tenant) }));
    /// let _ada = [1, 2, 3, 4].map(|_| layer.bulkhead().try_admit("ada").unwrap());
    /// assert!(reports.clone().oneshot("ada").await.is_err());
    /// assert_eq!(reports.oneshot("grace").await.unwrap(), "grace");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the limit is zero or above [`Bulkhead::MAX`](crate::Bulkhead::MAX). [`try_per_key`](Self::try_per_key) returns
    /// an error instead.
    #[track_caller]
    #[doc(alias = "keyed")]
    pub fn per_key<K, Marker>(max_concurrent: usize, key: K) -> KeyedBulkheadLayer<K::Strategy>
    where
        K: IntoKey<Marker>,
    {
        KeyedBulkheadLayer::from_bulkhead(KeyedBulkhead::new(max_concurrent), key.into_key())
    }

    /// Lets this many calls of each key be in flight, as [`per_key`](Self::per_key).
    ///
    /// # Errors
    ///
    /// If the limit is zero or above [`Bulkhead::MAX`](crate::Bulkhead::MAX).
    #[track_caller]
    pub fn try_per_key<K, Marker>(
        max_concurrent: usize,
        key: K,
    ) -> Result<KeyedBulkheadLayer<K::Strategy>, InvalidConfig>
    where
        K: IntoKey<Marker>,
    {
        // Not through a closure: it would hide the caller, whose place is the name.
        let engine = KeyedBulkhead::try_new(max_concurrent)?;
        Ok(KeyedBulkheadLayer::from_bulkhead(engine, key.into_key()))
    }
}

impl<K> KeyedBulkheadLayer<K> {
    /// Puts an engine that exists in front of another service, with a [strategy](crate::KeyOf) for the key. Calls
    /// through this layer are rejected at once, whether or not others wait in the engine's queues.
    pub fn from_bulkhead(engine: KeyedBulkhead, key: K) -> Self {
        Self { engine, key, mode: RejectNow, on_reject: Convert }
    }
}

impl<K, M, R> KeyedBulkheadLayer<K, M, R> {
    /// Lets calls that find no room wait, at most `len` of each key and each at most `max_wait` or until the caller's
    /// [deadline](crate::deadline).
    ///
    /// From here on the inner service has to be `Clone`.
    ///
    /// # Panics
    ///
    /// If the length is zero or above [`Bulkhead::MAX`](crate::Bulkhead::MAX), or the time is zero.
    /// [`try_queue`](Self::try_queue) returns an error instead.
    #[track_caller]
    pub fn queue(self, len: usize, max_wait: Duration) -> KeyedBulkheadLayer<K, Queued, R> {
        valid(self.try_queue(len, max_wait))
    }

    /// Like [`queue`](Self::queue), for values that are not known to be valid.
    ///
    /// # Errors
    ///
    /// If the length is zero or above [`Bulkhead::MAX`](crate::Bulkhead::MAX), or the time is zero.
    pub fn try_queue(
        self,
        len: usize,
        max_wait: Duration,
    ) -> Result<KeyedBulkheadLayer<K, Queued, R>, InvalidConfig> {
        in_code(self.engine.member(), || self.engine.set_queue(len, max_wait))?;
        let Self { engine, key, on_reject, .. } = self;
        Ok(KeyedBulkheadLayer { engine, key, mode: Queued, on_reject })
    }

    /// The name in rejections and snapshots. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { engine: self.engine.named(name), ..self }
    }

    /// Counts calls that find no room, and lets them pass.
    pub fn dry_run(self, dry_run: bool) -> Self {
        in_code(self.engine.member(), || self.engine.set_dry_run(dry_run));
        self
    }

    /// What the caller of a rejected call gets. By default [`Convert`].
    pub fn reject_as<R2>(self, on_reject: R2) -> KeyedBulkheadLayer<K, M, R2> {
        let Self { engine, key, mode, .. } = self;
        KeyedBulkheadLayer { engine, key, mode, on_reject }
    }

    /// The same, by a closure: `|rejected: Rejected| ..`.
    pub fn on_reject<F>(self, on_reject: F) -> KeyedBulkheadLayer<K, M, RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// The engine: counts, keys, and control at run time.
    #[must_use]
    pub fn bulkhead(&self) -> KeyedBulkhead {
        self.engine.clone()
    }

    /// The same settings with an engine of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        K: Clone,
        M: Clone,
        R: Clone,
    {
        Self { engine: self.engine.fork(name), ..self.clone() }
    }
}

stack_setter!(KeyedBulkheadLayer<K, M, R>, [K, M, R], engine);
keyed_layer!(KeyedBulkheadLayer<K, M, R>, engine: KeyedBulkhead, "1,024");

impl<S, K: Clone, R: Clone> Layer<S> for KeyedBulkheadLayer<K, RejectNow, R> {
    type Service = KeyedBulkheadService<S, K, R>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedBulkheadService::new(inner, self.engine.clone(), self.key.clone(), self.on_reject.clone())
    }
}

impl<S: Clone, K: Clone, R: Clone> Layer<S> for KeyedBulkheadLayer<K, Queued, R> {
    type Service = KeyedQueuedBulkheadService<S, K, R>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedQueuedBulkheadService::new(inner, self.engine.clone(), self.key.clone(), self.on_reject.clone())
    }
}
