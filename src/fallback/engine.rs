use super::fallen::Fallen;
use crate::algo::counter::Counter;
use crate::causes::Causes;
use crate::classify::{Answer, ByType, Classify, Fault};
use crate::macros::panel;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Panel, Registry, Visit};
use crate::stripe::Striped;
use crate::sync::{Arc, AtomicU64, Ordering::Relaxed};
use crate::verdict::{Outcome, Verdict};

/// The counters of a fallback, shared by all clones: the handle of a [`FallbackLayer`].
///
/// [`FallbackLayer`]: super::FallbackLayer
///
/// It also works without tower:
///
/// ```
/// use std::io;
/// use buttress::Fallback;
///
/// let fallback = Fallback::new().named("ratings");
/// let rating = fallback.or_else(Err(io::Error::from(io::ErrorKind::TimedOut)), |_| Ok(100_u64));
/// assert_eq!(rating.unwrap(), 100);
/// assert_eq!(fallback.snapshot().causes, [("timeout", 1)]);
/// ```
#[derive(Clone, Debug)]
pub struct Fallback(Arc<Shared>);

/// Every atomic here is a value of its own: nothing is published through one, so all accesses are
/// relaxed.
#[derive(Debug)]
struct Shared {
    panel: Panel,
    admitted: Striped,
    not_ready: AtomicU64,
    degraded: Counter,
    failed: Counter,
    withheld: Counter,
    would_fall: AtomicU64,
    causes: Causes,
}

/// The counters of a [`Fallback`], all since it was made. `calls = admitted + rejected`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FallbackSnapshot {
    /// The name of the engine.
    pub name: Name,
    /// Whether it is asked at all.
    pub mode: Mode,
    /// Calls that came in.
    pub calls: u64,
    /// Calls that were passed on.
    pub admitted: u64,
    /// Calls that came without readiness, and were left to the fallback.
    pub rejected: u64,
    /// Calls that the fallback answered.
    pub degraded: u64,
    /// Calls for which the fallback was asked, and whose answer was no success either.
    pub failed: u64,
    /// Calls for which another service would have been asked, but that it would not have been safe to send
    /// again.
    pub withheld: u64,
    /// Calls for which the fallback would have been asked, but for the dry run.
    pub would_fall: u64,
    /// Why the fallback was asked, most frequent first. A few causes are told apart; the rest is summed as
    /// `"other"`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::counts"))]
    pub causes: Vec<(&'static str, u64)>,
}

impl Default for Fallback {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl Fallback {
    /// An engine.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self::with_panel(Panel::new("fallback", Name::of_caller()))
    }

    fn with_panel(panel: Panel) -> Self {
        let shared = Arc::new(Shared {
            panel,
            admitted: Striped::new(),
            not_ready: AtomicU64::new(0),
            degraded: Counter::default(),
            failed: Counter::default(),
            withheld: Counter::default(),
            would_fall: AtomicU64::new(0),
            causes: Causes::default(),
        });
        Registry::global().join(&shared, &shared);
        Self(shared)
    }

    /// The same, under this name. By default it is named after the place that made it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        self.0.panel.set_name(name.into(), Arc::strong_count(&self.0));
        self
    }

    /// Another engine with the same settings, counters at zero.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        Self::with_panel(self.0.panel.fork(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.panel.name()
    }

    /// Switches the dry run: calls that would fall back are counted, and their own result is returned.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> FallbackSnapshot {
        let shared = &*self.0;
        // What ended before what came, so that there is never more of it.
        let [degraded, failed, withheld] =
            [&shared.degraded, &shared.failed, &shared.withheld].map(Counter::get);
        let causes = shared.causes.get();
        let [rejected, would_fall] = [&shared.not_ready, &shared.would_fall].map(|count| count.load(Relaxed));
        let admitted = shared.admitted.get();
        FallbackSnapshot {
            name: self.name(),
            mode: self.0.panel.mode(),
            calls: admitted.saturating_add(rejected),
            admitted,
            rejected,
            degraded,
            failed,
            withheld,
            would_fall: would_fall.min(admitted),
            causes,
        }
    }

    /// The result, if it is a success; else what `with` makes of it, counted and marked as degraded.
    ///
    /// # Errors
    ///
    /// What `with` returns.
    pub fn or_else<Res, E>(
        &self,
        result: Result<Res, E>,
        with: impl FnOnce(Fallen<Res, E>) -> Result<Res, E>,
    ) -> Result<Res, E>
    where
        Res: Answer,
        E: Fault,
    {
        self.or_else_by(&ByType, result, with)
    }

    /// The same, with a strategy that tells what results mean.
    ///
    /// # Errors
    ///
    /// What `with` returns.
    pub fn or_else_by<Res, E, C>(
        &self,
        classify: &C,
        result: Result<Res, E>,
        with: impl FnOnce(Fallen<Res, E>) -> Result<Res, E>,
    ) -> Result<Res, E>
    where
        C: Classify<Res, E>,
    {
        self.admit();
        let verdict = classify.classify(result.as_ref());
        if !is_no_success(&verdict) || self.lets_pass() {
            return result;
        }
        self.fell(&verdict);
        self.answered(classify, with(Fallen::new(verdict, result)))
    }

    /// Whether a call keeps its own result although it would fall back.
    pub(super) fn lets_pass(&self) -> bool {
        self.0.panel.lets_pass(&self.0.would_fall)
    }

    pub(super) fn admit(&self) {
        self.0.admitted.add();
    }

    pub(super) fn reject_not_ready(&self) {
        self.0.not_ready.fetch_add(1, Relaxed);
    }

    /// The fallback is asked.
    pub(super) fn fell(&self, verdict: &Verdict) {
        self.0.causes.count(verdict.cause());
    }

    /// The fallback's own result, marked if it is an answer.
    pub(super) fn answered<Res, E, C>(&self, classify: &C, result: Result<Res, E>) -> Result<Res, E>
    where
        C: Classify<Res, E>,
    {
        let verdict = classify.classify(result.as_ref());
        self.judged(classify, &verdict, result)
    }

    /// The same, for a result that was judged already.
    pub(super) fn judged<Res, E, C>(
        &self,
        classify: &C,
        verdict: &Verdict,
        mut result: Result<Res, E>,
    ) -> Result<Res, E>
    where
        C: Classify<Res, E>,
    {
        match &mut result {
            Ok(answer) if verdict.outcome() == Outcome::Success => {
                self.0.degraded.add();
                classify.mark_degraded(answer);
            }
            _ => self.failed(),
        }
        result
    }

    /// The fallback was asked, to no avail.
    pub(super) fn failed(&self) {
        self.0.failed.add();
    }

    /// The fallback was not asked, because it was not safe. One that is off would not have been asked anyway.
    pub(super) fn withhold(&self) {
        if self.0.panel.mode() != Mode::Off {
            self.0.withheld.add();
        }
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        self.panel.tell_dry_run(visit);
    }
}

panel!(Fallback(Shared), panel);

/// When a fallback is asked, unless the layer says otherwise.
pub(super) fn is_no_success(verdict: &Verdict) -> bool {
    verdict.outcome() != Outcome::Success
}
