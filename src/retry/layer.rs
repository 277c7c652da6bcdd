use tower::Layer;

use super::budget::RetryBudget;
use super::engine::Retry;
use super::policy::RetryPolicy;
use super::repeat::{ByRequest, RepeatFn};
use super::service::RetryService;
use crate::classify::{ByType, ClassifyFn};
use crate::error::InvalidConfig;
use crate::macros::stack_setter;
use crate::name::Name;
use crate::registry::in_code;

/// Sends calls again that failed, a few times and within a budget.
///
/// All clones of the layer and all services it makes share one engine; [`fork`](Self::fork) makes
/// another. See the [module](crate::retry) for how it decides.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct RetryLayer<C = ByType, P = ByRequest> {
    pub(super) engine: Retry,
    pub(super) classify: C,
    pub(super) repeat: P,
}

impl RetryLayer {
    /// Repeats calls by this policy.
    ///
    /// # Panics
    ///
    /// If a setting is out of its range. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    pub fn new(policy: RetryPolicy) -> Self {
        Self::from_retry(Retry::new(policy))
    }

    /// Repeats calls by this policy.
    ///
    /// # Errors
    ///
    /// If a setting is out of its range.
    #[track_caller]
    pub fn try_new(policy: RetryPolicy) -> Result<Self, InvalidConfig> {
        Retry::try_new(policy).map(Self::from_retry)
    }

    /// Puts an engine that exists in front of another service.
    pub fn from_retry(engine: Retry) -> Self {
        Self { engine, classify: ByType, repeat: ByRequest }
    }
}

impl<C, P> RetryLayer<C, P> {
    /// The name in events and snapshots. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { engine: self.engine.named(name), ..self }
    }

    /// What results mean: which of them are failures, and which may be repeated. By default [`ByType`].
    pub fn classify<C2>(self, classify: C2) -> RetryLayer<C2, P> {
        RetryLayer { engine: self.engine, classify, repeat: self.repeat }
    }

    /// The same, by a closure: `|result: Result<&_, &_>| ..`, which returns a
    /// [`Verdict`](crate::Verdict).
    pub fn classify_fn<F>(self, classify: F) -> RetryLayer<ClassifyFn<F>, P> {
        self.classify(ClassifyFn(classify))
    }

    /// Whether and how a request is sent again. By default [`ByRequest`];
    /// [`Cloned`](super::Cloned) repeats every request that is `Clone`.
    #[doc(alias = "clone_request")]
    pub fn repeat<P2>(self, repeat: P2) -> RetryLayer<C, P2> {
        RetryLayer { engine: self.engine, classify: self.classify, repeat }
    }

    /// The same, by a closure: `|request: &_| ..`, which returns a copy, or `None` for what may be
    /// sent only once.
    pub fn repeat_fn<F>(self, repeat: F) -> RetryLayer<C, RepeatFn<F>> {
        self.repeat(RepeatFn(repeat))
    }

    /// Takes repeats from this budget, together with all others that were given it. Services that were
    /// made before go on with the one they had.
    pub fn budget(self, budget: RetryBudget) -> Self {
        in_code(self.engine.member(), || self.engine.share_budget(budget));
        self
    }

    /// Counts what would be repeated, and repeats nothing. Each takes its token all the same, so that
    /// there are no more of them than the budget would allow.
    pub fn dry_run(self, dry_run: bool) -> Self {
        in_code(self.engine.member(), || self.engine.set_dry_run(dry_run));
        self
    }

    /// The handle: counters, and control at run time.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.engine.clone()
    }

    /// The same settings with an engine of its own, for another dependency: counters at zero, the
    /// budget its own and full. A budget that was given by [`budget`](Self::budget) stays the same.
    pub fn fork(&self, name: impl Into<Name>) -> Self
    where
        C: Clone,
        P: Clone,
    {
        Self { engine: self.engine.fork(name), classify: self.classify.clone(), repeat: self.repeat.clone() }
    }
}

stack_setter!(RetryLayer<C, P>, [C, P], engine);

impl<S: Clone, C: Clone, P: Clone> Layer<S> for RetryLayer<C, P> {
    type Service = RetryService<S, C, P>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.engine.clone(), self.classify.clone(), self.repeat.clone())
    }
}
