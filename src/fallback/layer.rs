use std::any::type_name;
use std::fmt;

use tower::Layer;

use super::engine::{Fallback, is_no_success};
use super::fallen::Fallen;
use super::mode::{ToService, Value, With};
use super::service::{Core, FallbackService};
use super::to_service::FallbackToService;
use crate::classify::{ByType, ClassifyFn};
use crate::macros::stack_setter;
use crate::name::Name;
use crate::spare::Spare;
use crate::verdict::Verdict;

/// Answers in place of a service that does not.
///
/// All clones of the layer and all services it makes share one engine; [`fork`](Self::fork) makes
/// another. See the [module](crate::fallback) for how it decides.
///
/// ```
/// use buttress::{BoxError, FallbackLayer};
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layer = FallbackLayer::value("nobody knows").name("weather");
/// let service = layer.layer(service_fn(|_: u64| async { Err::<&str, _>(BoxError::from("down")) }));
/// assert_eq!(service.oneshot(7).await.unwrap(), "nobody knows");
/// assert_eq!(layer.fallback().snapshot().degraded, 1);
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct FallbackLayer<M, C = ByType, P = fn(&Verdict) -> bool> {
    engine: Fallback,
    mode: M,
    classify: C,
    on: P,
}

impl<V> FallbackLayer<Value<V>> {
    /// Answers with a clone of this value.
    #[track_caller]
    pub fn value(value: V) -> Self {
        Self::of(Fallback::new(), Value::new(value))
    }
}

impl<F> FallbackLayer<With<F>> {
    /// Answers with what the closure makes of the service's own result. It may look at that, and pass it
    /// on.
    ///
    /// An error that it makes up should not claim that the call was never sent, if
    /// [it was](Verdict::was_sent).
    // The bound, which the service repeats, tells the compiler the types inside the closure.
    #[track_caller]
    pub fn with<Res, E>(with: F) -> Self
    where
        F: Fn(Fallen<Res, E>) -> Result<Res, E>,
    {
        Self::of(Fallback::new(), With::new(with))
    }
}

impl<O> FallbackLayer<ToService<O>> {
    /// Asks another service, which has to be `Clone`, with a copy of the request. Its response and error types
    /// are those of the first.
    ///
    /// The request type has to say whether it can be copied, and may be sent twice
    /// ([`Replay`](crate::Replay)); one copy is made of every request. A request that was sent and may not
    /// be sent twice is not given to it.
    ///
    /// ```
    /// use buttress::{BoxError, FallbackLayer};
    /// use tower::{Layer, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let cache = service_fn(|id: u64| async move { Ok::<_, BoxError>(id * 10) });
    /// let down = service_fn(|_: u64| async { Err::<u64, _>(BoxError::from("down")) });
    /// let service = FallbackLayer::service(cache).layer(down);
    /// assert_eq!(service.oneshot(7).await.unwrap(), 70);
    /// # }
    /// ```
    #[track_caller]
    pub fn service(other: O) -> Self {
        Self::of(Fallback::new(), ToService(Spare::new(other)))
    }
}

impl<M> FallbackLayer<M> {
    fn of(engine: Fallback, mode: M) -> Self {
        Self { engine, mode, classify: ByType, on: is_no_success }
    }
}

impl<M, C, P> FallbackLayer<M, C, P> {
    /// The name in snapshots. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { engine: self.engine.named(name), ..self }
    }

    /// Asks the fallback for these verdicts. By default for all that are not successes.
    ///
    /// A call without readiness has no result to choose by, and is left to the fallback in any case.
    ///
    /// ```
    /// use buttress::{BoxError, FallbackLayer, RejectedKind, Verdict};
    /// use tower::{Layer, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let layer = FallbackLayer::value(0_u64)
    ///     .on(|verdict: &Verdict| verdict.rejected() == Some(RejectedKind::CircuitOpen));
    /// let service = layer.layer(service_fn(|_: u64| async { Err::<u64, _>(BoxError::from("down")) }));
    /// assert!(service.oneshot(7).await.is_err());
    /// # }
    /// ```
    pub fn on<Q>(self, on: Q) -> FallbackLayer<M, C, Q>
    where
        Q: Fn(&Verdict) -> bool,
    {
        let Self { engine, mode, classify, .. } = self;
        FallbackLayer { engine, mode, classify, on }
    }

    /// The strategy that tells what results mean. By default [`ByType`].
    pub fn classify<D>(self, classify: D) -> FallbackLayer<M, D, P> {
        let Self { engine, mode, on, .. } = self;
        FallbackLayer { engine, mode, classify, on }
    }

    /// A closure that tells what results mean: `|result: Result<&_, &_>| ..`.
    ///
    /// It does not mark answers as degraded, for it does not know their type; what the fallback gives can
    /// carry the mark already.
    pub fn classify_fn<F>(self, classify: F) -> FallbackLayer<M, ClassifyFn<F>, P> {
        self.classify(ClassifyFn(classify))
    }

    /// Counts with an engine that exists, so that several layers add up. A handle that was taken before
    /// belongs to the engine that this replaces.
    pub fn engine(self, engine: Fallback) -> Self {
        Self { engine, ..self }
    }

    /// The handle: counters.
    #[must_use]
    pub fn fallback(&self) -> Fallback {
        self.engine.clone()
    }

    /// The same settings with an engine of its own, for another dependency.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        Self: Clone,
    {
        Self { engine: self.engine.fork(name), ..self.clone() }
    }
}

impl<M: Clone, C: Clone, P: Clone> FallbackLayer<M, C, P> {
    fn core(&self) -> Core<M, C, P> {
        let Self { engine, mode, classify, on } = self.clone();
        Core { engine, mode, classify, on }
    }
}

stack_setter!(FallbackLayer<M, C, P>, [M, C, P], engine);

impl<S, V, C: Clone, P: Clone> Layer<S> for FallbackLayer<Value<V>, C, P> {
    type Service = FallbackService<S, Value<V>, C, P>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, self.core())
    }
}

impl<S, F, C: Clone, P: Clone> Layer<S> for FallbackLayer<With<F>, C, P> {
    type Service = FallbackService<S, With<F>, C, P>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, self.core())
    }
}

impl<S, O, C: Clone, P: Clone> Layer<S> for FallbackLayer<ToService<O>, C, P> {
    type Service = FallbackToService<S, O, C, P>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackToService::new(inner, self.core())
    }
}

impl<M: fmt::Debug, C: fmt::Debug, P> fmt::Debug for FallbackLayer<M, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackLayer")
            .field("engine", &self.engine)
            .field("mode", &self.mode)
            .field("classify", &self.classify)
            .field("on", &type_name::<P>())
            .finish()
    }
}
