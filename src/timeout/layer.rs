use std::time::Duration;

use tower::Layer;

use super::engine::Timeout;
use super::service::TimeoutService;
use crate::error::InvalidConfig;
use crate::macros::stack_setter;
use crate::name::Name;
use crate::registry::in_code;
use crate::reject::{Convert, RejectWith};

/// Stops waiting for an answer after a time.
///
/// All clones of the layer and all services it makes share one engine; [`fork`](Self::fork) makes
/// another. See the [module](crate::timeout) for how it decides.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct TimeoutLayer<R = Convert> {
    engine: Timeout,
    on_reject: R,
}

impl TimeoutLayer {
    /// Limits calls to this time.
    ///
    /// # Panics
    ///
    /// If the limit is zero. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    pub fn new(limit: Duration) -> Self {
        Self::from_timeout(Timeout::new(limit))
    }

    /// Limits calls to this time.
    ///
    /// # Errors
    ///
    /// If the limit is zero.
    #[track_caller]
    pub fn try_new(limit: Duration) -> Result<Self, InvalidConfig> {
        Timeout::try_new(limit).map(Self::from_timeout)
    }

    /// Puts an engine that exists in front of another service.
    pub fn from_timeout(engine: Timeout) -> Self {
        Self { engine, on_reject: Convert }
    }
}

impl<R> TimeoutLayer<R> {
    /// The name in rejections and snapshots. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { engine: self.engine.named(name), ..self }
    }

    /// Counts calls that exceed the limit, and lets them go on.
    pub fn dry_run(self, dry_run: bool) -> Self {
        in_code(self.engine.member(), || self.engine.set_dry_run(dry_run));
        self
    }

    /// What the caller of a rejected call gets. By default [`Convert`].
    pub fn reject_as<R2>(self, on_reject: R2) -> TimeoutLayer<R2> {
        TimeoutLayer { engine: self.engine, on_reject }
    }

    /// The same, by a closure: `|rejected: Rejected| ..`.
    pub fn on_reject<F>(self, on_reject: F) -> TimeoutLayer<RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// The handle: counters, and control at run time.
    #[must_use]
    pub fn timeout(&self) -> Timeout {
        self.engine.clone()
    }

    /// The same settings with an engine of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        R: Clone,
    {
        Self { engine: self.engine.fork(name), on_reject: self.on_reject.clone() }
    }
}

stack_setter!(TimeoutLayer<R>, [R], engine);

impl<S, R: Clone> Layer<S> for TimeoutLayer<R> {
    type Service = TimeoutService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService::new(inner, self.engine.clone(), self.on_reject.clone())
    }
}
