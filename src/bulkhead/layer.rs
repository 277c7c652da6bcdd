use std::time::Duration;

use tower::Layer;

use super::engine::Bulkhead;
use super::queued::QueuedBulkheadService;
use super::service::BulkheadService;
use crate::error::{InvalidConfig, valid};
use crate::macros::stack_setter;
use crate::name::Name;
use crate::registry::in_code;
use crate::reject::{Convert, RejectWith};

/// Limits how many calls are in flight at once.
///
/// All clones of the layer and all services it makes share one engine; [`fork`](Self::fork) makes
/// another. See the [module](crate::bulkhead) for how it decides.
///
/// ```
/// use std::time::Duration;
/// use buttress::{BoxError, BulkheadLayer};
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layer = BulkheadLayer::new(8).queue(16, Duration::from_millis(50)).name("reports");
/// let service = layer.layer(service_fn(|id: u64| async move { Ok::<_, BoxError>(id) }));
/// assert_eq!(service.oneshot(7).await.unwrap(), 7);
/// assert_eq!(layer.bulkhead().snapshot().completed, 1);
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
#[doc(alias("ConcurrencyLimitLayer", "GlobalConcurrencyLimitLayer"))]
pub struct BulkheadLayer<M = RejectNow, R = Convert> {
    engine: Bulkhead,
    mode: M,
    on_reject: R,
}

/// The mode of a [`BulkheadLayer`] that rejects when it is full.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RejectNow;

/// The mode of a [`BulkheadLayer`] whose calls wait in a queue when it is full.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Queued;

impl BulkheadLayer {
    /// Lets this many calls be in flight, and rejects others at once.
    ///
    /// # Panics
    ///
    /// If the limit is zero or above [`Bulkhead::MAX`]. [`try_new`](Self::try_new) returns an error
    /// instead.
    #[track_caller]
    pub fn new(max_concurrent: usize) -> Self {
        Self::from_bulkhead(Bulkhead::new(max_concurrent))
    }

    /// Lets this many calls be in flight, and rejects others at once.
    ///
    /// # Errors
    ///
    /// If the limit is zero or above [`Bulkhead::MAX`].
    #[track_caller]
    pub fn try_new(max_concurrent: usize) -> Result<Self, InvalidConfig> {
        Bulkhead::try_new(max_concurrent).map(Self::from_bulkhead)
    }

    /// Puts an engine that exists in front of another service. Calls through this layer are rejected at
    /// once, whether or not others wait in the engine's queue.
    pub fn from_bulkhead(engine: Bulkhead) -> Self {
        Self { engine, mode: RejectNow, on_reject: Convert }
    }
}

impl<M, R> BulkheadLayer<M, R> {
    /// Lets calls that find no room wait, at most `len` of them and each at most `max_wait` or until the
    /// caller's [deadline](crate::deadline). The queue is the engine's and set there, for all who share it.
    ///
    /// From here on the inner service has to be `Clone`.
    ///
    /// # Panics
    ///
    /// If the length is zero or above [`Bulkhead::MAX`], or the time is zero.
    /// [`try_queue`](Self::try_queue) returns an error instead.
    #[track_caller]
    #[doc(alias = "max_wait_duration")]
    pub fn queue(self, len: usize, max_wait: Duration) -> BulkheadLayer<Queued, R> {
        valid(self.try_queue(len, max_wait))
    }

    /// Like [`queue`](Self::queue), for values that are not known to be valid.
    ///
    /// # Errors
    ///
    /// If the length is zero or above [`Bulkhead::MAX`], or the time is zero.
    pub fn try_queue(
        self,
        len: usize,
        max_wait: Duration,
    ) -> Result<BulkheadLayer<Queued, R>, InvalidConfig> {
        in_code(self.engine.member(), || self.engine.set_queue(len, max_wait))?;
        Ok(BulkheadLayer { engine: self.engine, mode: Queued, on_reject: self.on_reject })
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
    pub fn reject_as<R2>(self, on_reject: R2) -> BulkheadLayer<M, R2> {
        BulkheadLayer { engine: self.engine, mode: self.mode, on_reject }
    }

    /// The same, by a closure: `|rejected: Rejected| ..`.
    pub fn on_reject<F>(self, on_reject: F) -> BulkheadLayer<M, RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// The handle: state, counters, and control at run time.
    #[must_use]
    pub fn bulkhead(&self) -> Bulkhead {
        self.engine.clone()
    }

    /// The same settings with an engine of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        M: Clone,
        R: Clone,
    {
        Self { engine: self.engine.fork(name), mode: self.mode.clone(), on_reject: self.on_reject.clone() }
    }
}

stack_setter!(BulkheadLayer<M, R>, [M, R], engine);

impl<S, R: Clone> Layer<S> for BulkheadLayer<RejectNow, R> {
    type Service = BulkheadService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService::new(inner, self.engine.clone(), self.on_reject.clone())
    }
}

impl<S: Clone, R: Clone> Layer<S> for BulkheadLayer<Queued, R> {
    type Service = QueuedBulkheadService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        QueuedBulkheadService::new(inner, self.engine.clone(), self.on_reject.clone())
    }
}
