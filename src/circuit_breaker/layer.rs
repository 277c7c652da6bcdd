use tower::Layer;

use super::config::CircuitBreakerConfig;
use super::engine::CircuitBreaker;
use super::service::CircuitBreakerService;
use crate::classify::{ByType, ClassifyFn};
use crate::error::{InvalidConfig, valid};
use crate::macros::stack_setter;
use crate::name::Name;
use crate::registry::in_code;
use crate::reject::{Convert, RejectWith};

/// Stops calling a service that fails, and tries again after a while.
///
/// All clones of the layer and all services it makes share one breaker; [`fork`](Self::fork) makes another. Put
/// the same breaker in front of one dependency only. See the [module](crate::circuit_breaker) for how it decides.
///
/// ```
/// use buttress::{CallError, CircuitBreakerConfig, CircuitBreakerLayer};
/// use tower::{ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let eu = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("search-eu");
/// let us = eu.fork("search-us");
/// us.breaker().isolate();
///
/// let search = |layer| {
///     let send = service_fn(|query: u64| async move { Ok::<_, std::io::Error>(query) });
///     ServiceBuilder::new().layer(layer).map_err(CallError::Inner).service(send)
/// };
/// assert_eq!(search(eu).oneshot(7).await.unwrap(), 7);
/// assert_eq!(search(us).oneshot(7).await.unwrap_err().rejected().unwrap().name(), "search-us");
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct CircuitBreakerLayer<C = ByType, R = Convert> {
    breaker: CircuitBreaker,
    classify: C,
    on_reject: R,
    backpressure: bool,
}

impl CircuitBreakerLayer {
    /// A breaker with these settings.
    ///
    /// # Panics
    ///
    /// If a setting breaks a rule. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    pub fn new(config: CircuitBreakerConfig) -> Self {
        Self::from_breaker(valid(CircuitBreaker::try_new(config)))
    }

    /// A breaker with these settings.
    ///
    /// # Errors
    ///
    /// If a setting breaks a rule.
    #[track_caller]
    pub fn try_new(config: CircuitBreakerConfig) -> Result<Self, InvalidConfig> {
        CircuitBreaker::try_new(config).map(Self::from_breaker)
    }

    /// Puts a breaker that exists in front of another service.
    pub fn from_breaker(breaker: CircuitBreaker) -> Self {
        Self { breaker, classify: ByType, on_reject: Convert, backpressure: false }
    }
}

impl<C, R> CircuitBreakerLayer<C, R> {
    /// The name in rejections, events and snapshots. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { breaker: self.breaker.named(name), ..self }
    }

    /// What a result means. By default [`ByType`]: response and error types say it.
    pub fn classify<D>(self, classify: D) -> CircuitBreakerLayer<D, R> {
        let Self { breaker, on_reject, backpressure, .. } = self;
        CircuitBreakerLayer { breaker, classify, on_reject, backpressure }
    }

    /// What a result means, by a closure: `|result: Result<&Response, &Error>| ..`.
    ///
    /// ```
    /// use buttress::{BoxError, CircuitBreakerConfig, CircuitBreakerLayer, Verdict};
    /// use tower::{Layer, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// /// A type of another crate.
    /// struct Page(u16);
    ///
    /// let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify_fn(
    ///     |result: Result<&Page, &BoxError>| match result {
    ///         Ok(page) if page.0 < 500 => Verdict::success(),
    ///         _ => Verdict::failure("page"),
    ///     },
    /// );
    /// let service = layer.layer(service_fn(|_: u64| async { Ok::<_, BoxError>(Page(500)) }));
    /// assert!(service.oneshot(1).await.is_ok());
    /// assert_eq!(layer.breaker().snapshot().failed, 1);
    /// # }
    /// ```
    pub fn classify_fn<F>(self, classify: F) -> CircuitBreakerLayer<ClassifyFn<F>, R> {
        self.classify(ClassifyFn(classify))
    }

    /// What the caller of a rejected call gets. By default [`Convert`].
    pub fn reject_as<R2>(self, on_reject: R2) -> CircuitBreakerLayer<C, R2> {
        let Self { breaker, classify, backpressure, .. } = self;
        CircuitBreakerLayer { breaker, classify, on_reject, backpressure }
    }

    /// The same, by a closure: `|rejected: Rejected| ..`.
    ///
    /// ```
    /// use std::convert::Infallible;
    /// use buttress::{CircuitBreakerConfig, CircuitBreakerLayer};
    /// use tower::{Layer, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// // What cannot fail has an answer for this too.
    /// let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default())
    ///     .on_reject(|rejected| Ok(format!("try again: {:?}", rejected.kind())));
    /// layer.breaker().isolate();
    /// let service = layer.layer(service_fn(|name: String| async move { Ok::<_, Infallible>(name) }));
    /// assert_eq!(service.oneshot("ada".to_owned()).await.unwrap(), "try again: CircuitOpen");
    /// # }
    /// ```
    pub fn on_reject<F>(self, on_reject: F) -> CircuitBreakerLayer<C, RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// For load balancers: while calls would be rejected, the service is not ready, and is ready again when a
    /// call would be let through. Without it, an endpoint that rejects at once looks like the least loaded one,
    /// and gets all the calls.
    ///
    /// In this mode the service may answer `Pending` after it answered `Ready`. It reserves nothing, so a call
    /// may still be rejected; so is the one call that a layer around it was readied for before.
    pub fn backpressure(self) -> Self {
        Self { backpressure: true, ..self }
    }

    #[cfg(feature = "stack")]
    pub(crate) fn is_backpressure(&self) -> bool {
        self.backpressure
    }

    /// Decides as ever, counts what it would reject, and lets it pass. By default off.
    pub fn dry_run(self, dry_run: bool) -> Self {
        in_code(self.breaker.member(), || self.breaker.set_dry_run(dry_run));
        self
    }

    /// The breaker: state, counts, and control at run time.
    #[must_use]
    pub fn breaker(&self) -> CircuitBreaker {
        self.breaker.clone()
    }

    /// The same settings with a breaker of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        C: Clone,
        R: Clone,
    {
        Self {
            breaker: self.breaker.fork(name),
            classify: self.classify.clone(),
            on_reject: self.on_reject.clone(),
            backpressure: self.backpressure,
        }
    }
}

stack_setter!(CircuitBreakerLayer<C, R>, [C, R], breaker);

impl<S, C: Clone, R: Clone> Layer<S> for CircuitBreakerLayer<C, R> {
    type Service = CircuitBreakerService<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(
            inner,
            self.breaker.clone(),
            self.classify.clone(),
            self.on_reject.clone(),
            self.backpressure,
        )
    }
}
