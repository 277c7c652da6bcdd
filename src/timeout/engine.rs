use std::time::Duration;

use super::watch::Watch;
use crate::algo::counter::Counter;
use crate::algo::histogram::{Histogram, Recorder};
use crate::clock;
use crate::deadline::Frame;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Panel, Registry, Visit};
use crate::reject::{Expiry, Rejected, RejectedKind, Source};
use crate::spread::{Lent, Spread, spared};
use crate::stripe::Striped;
use crate::sync::{Arc, AtomicU64, Ordering::Relaxed};
use crate::units::{Instant, nanos};

/// The limit and its counters, shared by all clones: the handle of a [`TimeoutLayer`].
///
/// [`TimeoutLayer`]: super::TimeoutLayer
///
/// It also works without tower:
///
/// ```
/// use std::time::Duration;
/// use buttress::Timeout;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let timeout = Timeout::new(Duration::from_millis(20));
/// assert_eq!(timeout.run(async { 7 }).await, Ok(7));
/// assert!(timeout.run(std::future::pending::<()>()).await.is_err());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Timeout(Arc<Spread<Shared>>);

/// Every atomic here is a value of its own: nothing is published through one, so all accesses are
/// relaxed.
#[derive(Debug)]
pub(super) struct Shared {
    panel: Panel,
    limit: AtomicU64,
    admitted: Striped,
    not_ready: AtomicU64,
    timed_out: Counter,
    cut_short: Counter,
    stalled: Counter,
    would_time_out: AtomicU64,
    call_duration: Recorder,
}

/// The counters of a [`Timeout`], all since it was made. `calls = admitted + rejected`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TimeoutSnapshot {
    /// The name of the engine.
    pub name: Name,
    /// Whether calls end at the limit.
    pub mode: Mode,
    /// The limit in force.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::seconds"))]
    pub limit: Duration,
    /// Calls that came in.
    pub calls: u64,
    /// Calls that were passed on.
    pub admitted: u64,
    /// Calls that came without readiness.
    pub rejected: u64,
    /// Calls that ended at the full limit.
    pub timed_out: u64,
    /// Calls that ended at the caller's earlier deadline.
    pub cut_short: u64,
    /// Calls that ended late, because this process stalled.
    pub stalled: u64,
    /// Calls that would have ended, but for the dry run.
    pub would_time_out: u64,
    /// How long the calls took that were not answered at once: from the first time that the answer was pending to
    /// the answer, or to the end of our patience. Calls that the caller dropped are not in it.
    pub call_duration: Histogram,
}

impl Timeout {
    /// An engine with this limit.
    ///
    /// # Panics
    ///
    /// If the limit is zero. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        valid(Self::try_new(limit))
    }

    /// An engine with this limit.
    ///
    /// # Errors
    ///
    /// If the limit is zero.
    #[track_caller]
    pub fn try_new(limit: Duration) -> Result<Self, InvalidConfig> {
        check_limit(limit)?;
        Ok(Self::unchecked(Panel::new("timeout", Name::of_caller()), nanos(limit)))
    }

    fn unchecked(panel: Panel, limit: u64) -> Self {
        let shared = Arc::new(Spread::new(Shared {
            panel,
            limit: AtomicU64::new(limit),
            admitted: Striped::new(),
            not_ready: AtomicU64::new(0),
            timed_out: Counter::default(),
            cut_short: Counter::default(),
            stalled: Counter::default(),
            would_time_out: AtomicU64::new(0),
            call_duration: Recorder::new(),
        }));
        Registry::global().join(&shared, shared.value());
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
        Self::unchecked(self.0.panel.fork(name.into()), self.0.limit.load(Relaxed))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.panel.name()
    }

    /// The limit in force.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.0.limit()
    }

    /// Changes the limit, for calls that are not pending yet.
    ///
    /// # Errors
    ///
    /// If the limit is zero.
    pub fn set_limit(&self, limit: Duration) -> Result<(), InvalidConfig> {
        check_limit(limit)?;
        self.at_run_time(|| self.0.limit.store(nanos(limit), Relaxed));
        Ok(())
    }

    /// Switches the dry run: calls that exceed the limit are counted and go on.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> TimeoutSnapshot {
        let shared = &self.0;
        let rejected = shared.not_ready.load(Relaxed);
        // What ended before what came, so that there is never more of it.
        let [timed_out, cut_short, stalled] =
            [&shared.timed_out, &shared.cut_short, &shared.stalled].map(Counter::get);
        let would_time_out = shared.would_time_out.load(Relaxed);
        let admitted = shared.admitted.get();
        TimeoutSnapshot {
            name: self.name(),
            mode: shared.panel.mode(),
            limit: self.limit(),
            calls: admitted.saturating_add(rejected),
            admitted,
            rejected,
            timed_out,
            cut_short,
            stalled,
            would_time_out: would_time_out.min(admitted),
            call_duration: shared.call_duration.snapshot(),
        }
    }

    /// Runs a future under the limit.
    ///
    /// # Errors
    ///
    /// If the time passed, or the caller's [deadline](crate::deadline) came. The future was dropped.
    pub async fn run<F: Future>(&self, future: F) -> Result<F::Output, Rejected> {
        super::future::Limited::new(self.admit(), future).await
    }

    /// The engine as a call holds it, which counts from now on.
    pub(super) fn admit(&self) -> Lent<Shared> {
        self.0.admitted.add();
        self.0.lend()
    }

    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.not_ready.fetch_add(1, Relaxed);
        Rejected::unsent(RejectedKind::NotReady, Source::Timeout(Expiry::Full), self.0.panel.name_id(), None)
    }
}

impl Shared {
    fn limit(&self) -> Duration {
        Duration::from_nanos(self.limit.load(Relaxed))
    }

    /// The deadline for what the call does inside: the limit, from the first pending poll on as an instant.
    /// A dry run changes nothing for anyone.
    pub(super) fn in_force(&self, outer: Frame, watch: Watch) -> Frame {
        if !self.panel.enforces() {
            outer
        } else if watch.has_begun() {
            outer.with_instant(watch.due)
        } else {
            outer.with_limit(self.limit())
        }
    }

    /// For a call that is pending for the first time at `now`, having found `outer` in force.
    pub(super) fn watch(&self, outer: Frame, now: Instant) -> Watch {
        Watch::begin(now, self.limit(), outer.at(now))
    }

    /// A call was answered, after it was pending.
    #[inline(never)]
    pub(super) fn record(&self, watch: Watch) {
        self.record_at(watch, clock::now());
    }

    fn record_at(&self, watch: Watch, now: Instant) {
        self.call_duration.record(watch.lasted(now));
    }

    /// The rejection of a call that is still pending at `now`, after it was due; none if that is not enforced.
    pub(super) fn expire(&self, watch: Watch, now: Instant) -> Option<Rejected> {
        let mode = self.panel.mode();
        if mode != Mode::Enforce {
            if !watch.was_let_go() {
                mode.lets_pass(&self.would_time_out);
            }
            return None;
        }
        self.record_at(watch, now);
        let expiry = watch.expiry(now);
        let count = match expiry {
            Expiry::Full => &self.timed_out,
            Expiry::CutShort => &self.cut_short,
            Expiry::Stalled => &self.stalled,
        };
        count.add();
        Some(Rejected::timed_out(self.panel.name_id(), watch.limit(), expiry))
    }

    fn settings(&self, visit: &mut Visit<'_>) {
        visit("limit", self.limit().into(), None);
        self.panel.tell_dry_run(visit);
    }
}

panel!(Timeout(Spread<Shared>), panel);
spared!(Shared);

fn check_limit(limit: Duration) -> Result<(), InvalidConfig> {
    InvalidConfig::check(!limit.is_zero(), "limit", limit, "must be above zero")
}
