use std::time::Duration;

use super::admission::Admission;
use super::counts::Counts;
use super::permit::BulkheadPermit;
use super::snapshot::BulkheadSnapshot;
use crate::algo::counter::Counter;
use crate::algo::histogram::Recorder;
use crate::algo::permits::{MOST, Permits};
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::registry::{Panel, Registry, SettingValue, Visit};
use crate::reject::{Rejected, RejectedKind};
use crate::spread::{Spread, spared};
use crate::sync::{Arc, AtomicU64, Ordering::Relaxed};
use crate::units::nanos;

/// The limit, the queue and the counters, shared by all clones: the handle of a [`BulkheadLayer`].
///
/// [`BulkheadLayer`]: super::BulkheadLayer
///
/// It also works without tower:
///
/// ```
/// use buttress::{Bulkhead, RejectedKind};
///
/// let bulkhead = Bulkhead::new(1).named("reports");
/// let permit = bulkhead.try_admit().unwrap();
/// let rejected = bulkhead.try_admit().unwrap_err();
/// assert_eq!(rejected.kind(), RejectedKind::BulkheadFull);
/// assert!(!rejected.was_sent());
///
/// permit.complete();
/// assert!(bulkhead.try_admit().is_ok());
/// ```
#[derive(Clone, Debug)]
#[doc(alias("semaphore", "concurrency limit", "max_concurrent_calls"))]
pub struct Bulkhead(pub(super) Arc<Spread<Shared>>);

/// [`Permits`] tells of its own accesses. Of the rest each is a value of its own and relaxed, except the
/// counters of calls that end: a snapshot reads those before it reads what was admitted, and an
/// acquiring read that sees an end must see the admission before it, hence the release.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) permits: Permits,
    pub(super) max_wait: AtomicU64,
    pub(super) panel: Arc<Panel>,
    pub(super) full: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) queue_timeout: AtomicU64,
    pub(super) not_ready: AtomicU64,
    pub(super) abandoned: AtomicU64,
    pub(super) panicked: Counter,
    pub(super) excess: Excess,
    pub(super) queue_wait: Arc<Recorder>,
}

/// The calls that passed although there was no room, because that was not enforced. They take no place: else a dry run at a limit far too low would
/// count every call as rejected, where a real one rejects some.
#[derive(Debug, Default)]
pub(super) struct Excess {
    pub(super) admitted: AtomicU64,
    /// Those of them that a dry run counted.
    pub(super) would_reject: AtomicU64,
    pub(super) completed: Counter,
    pub(super) cancelled: Counter,
}

impl Bulkhead {
    /// The largest limit, and the longest queue: 262,143 calls. Both counts share one atomic word.
    pub const MAX: usize = MOST as usize;

    /// An engine that lets this many calls be in flight, without a queue.
    ///
    /// # Panics
    ///
    /// If the limit is zero or above [`MAX`](Self::MAX). [`try_new`](Self::try_new) returns an error
    /// instead.
    #[track_caller]
    #[must_use]
    pub fn new(max_concurrent: usize) -> Self {
        valid(Self::try_new(max_concurrent))
    }

    /// An engine that lets this many calls be in flight, without a queue.
    ///
    /// # Errors
    ///
    /// If the limit is zero or above [`MAX`](Self::MAX).
    #[track_caller]
    pub fn try_new(max_concurrent: usize) -> Result<Self, InvalidConfig> {
        let limit = check_count("max_concurrent", max_concurrent)?;
        Ok(Self::unchecked(Panel::new("bulkhead", Name::of_caller()), Permits::new(limit, 0), 0))
    }

    fn unchecked(panel: Panel, permits: Permits, max_wait: u64) -> Self {
        let shared = Shared::new(Arc::new(panel), permits, max_wait, Arc::new(Recorder::new()));
        let shared = Arc::new(Spread::new(shared));
        Registry::global().join(&shared, shared.value());
        Self(shared)
    }

    /// One of many, which the registry shows as one.
    pub(super) fn small(
        panel: Arc<Panel>,
        permits: Permits,
        max_wait: u64,
        queue_wait: Arc<Recorder>,
    ) -> Self {
        Self(Arc::new(Spread::small(Shared::new(panel, permits, max_wait, queue_wait))))
    }

    /// The same, under this name. By default it is named after the place that made it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        self.0.panel.set_name(name.into(), Arc::strong_count(&self.0));
        self
    }

    /// Another engine with the same settings, nothing in flight and counters at zero.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        let shared = &*self.0;
        let permits = shared.permits.fork();
        Self::unchecked(shared.panel.fork(name.into()), permits, shared.max_wait.load(Relaxed))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.panel.name()
    }

    /// Admits a call, or rejects it at once. It never waits, and never passes a call that does.
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`](RejectedKind::BulkheadFull), if there is no room or somebody waits for it.
    pub fn try_admit(&self) -> Result<BulkheadPermit, Rejected> {
        if let Some(permit) = self.admit_now() {
            return Ok(permit);
        }
        self.pass_or_reject(RejectedKind::BulkheadFull, self.mode())
    }

    /// Admits a call as soon as there is room, in order of arrival; without a
    /// [queue](Self::set_queue) or if that is full, rejects it at once. The place in the queue is taken at
    /// the first poll.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buttress::{Bulkhead, RejectedKind};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let bulkhead = Bulkhead::new(1);
    /// bulkhead.set_queue(10, Duration::from_millis(20)).unwrap();
    /// let permit = bulkhead.acquire().await.unwrap();
    /// let rejected = bulkhead.acquire().await.unwrap_err();
    /// assert_eq!(rejected.kind(), RejectedKind::QueueTimeout);
    /// permit.complete();
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`](RejectedKind::BulkheadFull), [`QueueFull`](RejectedKind::QueueFull), or
    /// [`QueueTimeout`](RejectedKind::QueueTimeout) after the longest wait or at the caller's
    /// [deadline](crate::deadline).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the queue. Nothing is lost: a permit that it had just been handed goes to
    /// the next.
    ///
    /// # Panics
    ///
    /// If it has to wait, outside a tokio runtime with time enabled; that is tokio's own panic.
    pub async fn acquire(&self) -> Result<BulkheadPermit, Rejected> {
        match self.admit_or_queue() {
            Admission::Admitted(permit) => Ok(permit),
            Admission::Waits(waiting) => waiting.await,
            Admission::Rejected(rejected) => Err(rejected),
        }
    }

    /// Changes the limit. A higher one admits who waits; a lower one interrupts nothing: no call is
    /// admitted until enough have ended.
    ///
    /// # Errors
    ///
    /// If the limit is zero or above [`MAX`](Self::MAX).
    pub fn set_limit(&self, max_concurrent: usize) -> Result<(), InvalidConfig> {
        let limit = check_count("max_concurrent", max_concurrent)?;
        self.at_run_time(|| self.0.permits.set_limit(limit));
        Ok(())
    }

    /// How long calls may wait in the queue; `None` if there is none.
    pub(crate) fn queue_wait(&self) -> Option<Duration> {
        let has_queue = self.0.permits.queue_len() > 0;
        has_queue.then(|| Duration::from_nanos(self.0.max_wait.load(Relaxed)))
    }

    /// Changes how many calls may wait, and how long. Calls that wait already keep their place and their
    /// time.
    ///
    /// The queue is there for whoever asks to wait: [`acquire`](Self::acquire), and layers with a
    /// [queue](super::BulkheadLayer::queue). A layer without one goes on rejecting at once.
    ///
    /// # Errors
    ///
    /// If the length is zero or above [`MAX`](Self::MAX), or the time is zero.
    pub fn set_queue(&self, len: usize, max_wait: Duration) -> Result<(), InvalidConfig> {
        let len = check_count("queue", len)?;
        InvalidConfig::check(!max_wait.is_zero(), "max_wait", max_wait, "must be above zero")?;
        self.at_run_time(|| {
            self.0.max_wait.store(nanos(max_wait), Relaxed);
            self.0.permits.set_queue_len(len);
        });
        Ok(())
    }

    /// Switches the dry run: calls that find no room are counted and pass. Who waits passes too.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
        self.0.mode_changed();
    }

    /// The state and the counters now.
    #[must_use]
    pub fn snapshot(&self) -> BulkheadSnapshot {
        let shared = &*self.0;
        let counts = self.counts();
        let Counts { in_flight, waiting, admitted, cancelled, panicked, .. } = counts;
        let Counts { full, queue_full, queue_timeout, not_ready, .. } = counts;
        let rejected = counts.rejected();
        BulkheadSnapshot {
            name: self.name(),
            limit: usize::try_from(shared.permits.limit()).unwrap_or(usize::MAX),
            queue_len: usize::try_from(shared.permits.queue_len()).unwrap_or(usize::MAX),
            max_wait: Duration::from_nanos(shared.max_wait.load(Relaxed)),
            mode: shared.panel.mode(),
            in_flight,
            waiting,
            calls: admitted.saturating_add(rejected),
            admitted,
            rejected,
            full,
            queue_full,
            queue_timeout,
            not_ready,
            completed: counts.completed(),
            cancelled,
            panicked,
            abandoned: counts.abandoned,
            would_reject: counts.would_reject,
            queue_wait: shared.queue_wait.snapshot(),
        }
    }

    /// All that is counted, now.
    pub(super) fn counts(&self) -> Counts {
        let shared = &*self.0;
        let [full, queue_full, queue_timeout, not_ready] =
            [&shared.full, &shared.queue_full, &shared.queue_timeout, &shared.not_ready]
                .map(|count| count.load(Relaxed));
        // What ended before what was admitted, so that nothing is ever negative.
        let [panicked, completed, cancelled] =
            [&shared.panicked, &shared.excess.completed, &shared.excess.cancelled].map(Counter::get);
        let would_reject = shared.excess.would_reject.load(Relaxed);
        let excess = shared.excess.admitted.load(Relaxed);
        let totals = shared.permits.totals();
        let excess_in_flight = excess.saturating_sub(completed).saturating_sub(cancelled);
        let cancelled = totals.cancelled.saturating_add(cancelled);
        Counts {
            in_flight: totals.in_flight.saturating_add(excess_in_flight),
            waiting: totals.waiting,
            admitted: totals.admitted.saturating_add(excess),
            full,
            queue_full,
            queue_timeout,
            not_ready,
            cancelled,
            // Counted a moment before.
            panicked: panicked.min(cancelled),
            abandoned: shared.abandoned.load(Relaxed),
            would_reject: would_reject.min(excess),
        }
    }
}

impl Shared {
    fn new(panel: Arc<Panel>, permits: Permits, max_wait: u64, queue_wait: Arc<Recorder>) -> Self {
        Self {
            permits,
            max_wait: AtomicU64::new(max_wait),
            panel,
            full: AtomicU64::new(0),
            queue_full: AtomicU64::new(0),
            queue_timeout: AtomicU64::new(0),
            not_ready: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            panicked: Counter::default(),
            excess: Excess::default(),
            queue_wait,
        }
    }

    fn settings(&self, visit: &mut Visit<'_>) {
        visit("max_concurrent", self.permits.limit().into(), None);
        let len = Some(self.permits.queue_len()).filter(|len| *len > 0);
        visit("queue", len.into(), Some(SettingValue::None));
        if len.is_some() {
            visit("max_wait", Duration::from_nanos(self.max_wait.load(Relaxed)).into(), None);
        }
        self.panel.tell_dry_run(visit);
    }

    /// Who waits may not have to any more.
    fn mode_changed(&self) {
        self.permits.wake_all();
    }
}

spared!(Shared);
panel!(Bulkhead(Spread<Shared>), panel, changed: mode_changed);

pub(super) fn check_count(field: &'static str, count: usize) -> Result<u32, InvalidConfig> {
    const _: () = assert!(MOST == 262_143, "the rule says the number");
    match u32::try_from(count) {
        Ok(count) if (1..=MOST).contains(&count) => Ok(count),
        _ => Err(InvalidConfig::new(field, count, "must be at least 1 and at most 262143")),
    }
}
