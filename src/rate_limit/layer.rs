use std::time::Duration;

use tower::Layer;

use super::cost::{CostFn, OneCell};
use super::engine::RateLimiter;
use super::quota::Quota;
use super::service::RateLimitService;
use super::waiting::WaitingRateLimitService;
use crate::error::{InvalidConfig, valid};
use crate::macros::stack_setter;
use crate::name::Name;
use crate::registry::in_code;
use crate::reject::{Convert, RejectWith};

/// The mode of a [`RateLimitLayer`] that rejects at once what the quota does not allow.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RejectNow;

/// The mode of a [`RateLimitLayer`] whose calls wait until the quota allows them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Waiting;

/// Limits how many calls pass per time.
///
/// All clones of the layer and all services it makes share one engine, and so one limit;
/// [`fork`](Self::fork) makes another. See the [module](crate::rate_limit) for how it decides, and
/// [`per_key`](Self::per_key) for a limit for each client.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
#[doc(alias = "GovernorLayer")]
pub struct RateLimitLayer<M = RejectNow, C = OneCell, R = Convert> {
    engine: RateLimiter,
    mode: M,
    cost: C,
    on_reject: R,
}

impl RateLimitLayer {
    /// Limits calls to this quota.
    ///
    /// # Panics
    ///
    /// If the quota is out of range. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    pub fn new(quota: Quota) -> Self {
        Self::from_limiter(RateLimiter::new(quota))
    }

    /// Limits calls to this quota.
    ///
    /// # Errors
    ///
    /// If the quota is out of range, see [`Quota`].
    #[track_caller]
    pub fn try_new(quota: Quota) -> Result<Self, InvalidConfig> {
        RateLimiter::try_new(quota).map(Self::from_limiter)
    }

    /// Puts an engine that exists in front of another service.
    pub fn from_limiter(engine: RateLimiter) -> Self {
        Self { engine, mode: RejectNow, cost: OneCell, on_reject: Convert }
    }
}

impl<M, C, R> RateLimitLayer<M, C, R> {
    /// Lets calls wait until the quota allows them, in the order in which they come, at most this long.
    /// A call that would wait longer, or beyond the ambient [deadline](crate::deadline), is rejected at
    /// once. The inner service must be `Clone`.
    ///
    /// The longest wait is a [setting of the limiter](RateLimiter::set_max_wait): another layer over the
    /// same limiter has the same.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buttress::{BoxError, Quota, RateLimitLayer};
    /// use tower::{Service, ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
    /// let layer = RateLimitLayer::new(Quota::per_second(100).burst(1)).wait(Duration::from_secs(1));
    /// let limiter = layer.limiter();
    /// let mut client = ServiceBuilder::new()
    ///     .layer(layer)
    ///     .service(service_fn(|n: u64| async move { Ok::<_, BoxError>(n) }));
    /// for n in 0..3 {
    ///     assert_eq!(client.ready().await?.call(n).await?, n);
    /// }
    /// assert_eq!((limiter.snapshot().admitted, limiter.snapshot().rejected), (3, 0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the time is zero. [`try_wait`](Self::try_wait) returns an error instead.
    #[track_caller]
    pub fn wait(self, max: Duration) -> RateLimitLayer<Waiting, C, R> {
        valid(self.try_wait(max))
    }

    /// Lets calls wait, as [`wait`](Self::wait).
    ///
    /// # Errors
    ///
    /// If the time is zero.
    pub fn try_wait(self, max: Duration) -> Result<RateLimitLayer<Waiting, C, R>, InvalidConfig> {
        in_code(self.engine.member(), || self.engine.set_max_wait(max))?;
        let Self { engine, cost, on_reject, .. } = self;
        Ok(RateLimitLayer { engine, mode: Waiting, cost, on_reject })
    }

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
    /// passes whenever the wrapped service is ready; one that costs more than the burst never does.
    ///
    /// ```
    /// use buttress::{Quota, RateLimitLayer};
    ///
    /// let layer = RateLimitLayer::new(Quota::per_second(1_000))
    ///     .cost(|batch: &Vec<u64>| u32::try_from(batch.len()).unwrap_or(u32::MAX));
    /// # let _ = layer;
    /// ```
    pub fn cost<F, Req>(self, cost: F) -> RateLimitLayer<M, CostFn<F>, R>
    where
        F: Fn(&Req) -> u32,
    {
        let Self { engine, mode, on_reject, .. } = self;
        RateLimitLayer { engine, mode, cost: CostFn(cost), on_reject }
    }

    /// What the caller of a rejected call gets. By default [`Convert`].
    pub fn reject_as<R2>(self, on_reject: R2) -> RateLimitLayer<M, C, R2> {
        let Self { engine, mode, cost, .. } = self;
        RateLimitLayer { engine, mode, cost, on_reject }
    }

    /// The same, by a closure: `|rejected: Rejected| ..`.
    pub fn on_reject<F>(self, on_reject: F) -> RateLimitLayer<M, C, RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// The handle: counters, and control at run time.
    #[must_use]
    pub fn limiter(&self) -> RateLimiter {
        self.engine.clone()
    }

    /// The same settings with an engine of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        M: Clone,
        C: Clone,
        R: Clone,
    {
        Self { engine: self.engine.fork(name), ..self.clone() }
    }
}

stack_setter!(RateLimitLayer<M, C, R>, [M, C, R], engine);

impl<S, C: Clone, R: Clone> Layer<S> for RateLimitLayer<RejectNow, C, R> {
    type Service = RateLimitService<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimitService::new(inner, self.engine.clone(), self.cost.clone(), self.on_reject.clone())
    }
}

impl<S: Clone, C: Clone, R: Clone> Layer<S> for RateLimitLayer<Waiting, C, R> {
    type Service = WaitingRateLimitService<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        WaitingRateLimitService::new(inner, self.engine.clone(), self.cost.clone(), self.on_reject.clone())
    }
}
