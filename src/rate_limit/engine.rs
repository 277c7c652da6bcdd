use std::num::NonZeroU32;
use std::time::Duration;

use super::counts::Refusals;
use super::quota::Quota;
use super::snapshot::{RateLimitPeek, RateLimitSnapshot};
use super::waiting::Admission;
use crate::algo::gcra::{Line, Rate, Refusal};
use crate::algo::histogram::Recorder;
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::registry::{Registry, Visit};
use crate::reject::Rejected;
use crate::stripe::Striped;
use crate::sync::{Arc, AtomicU64, Ordering::Relaxed};
use crate::units::{Instant, nanos};

/// One limit and its counters, shared by all clones: the handle of a [`RateLimitLayer`].
///
/// [`RateLimitLayer`]: super::RateLimitLayer
///
/// It also works without tower:
///
/// ```
/// use std::time::Duration;
/// use buttress::{Quota, RateLimiter, RejectedKind};
///
/// let limiter = RateLimiter::new(Quota::per_minute(60).burst(2)).named("mails");
/// assert!(limiter.try_admit().is_ok());
/// assert_eq!(limiter.peek().remaining, 1);
/// assert!(limiter.try_admit().is_ok());
///
/// let rejected = limiter.try_admit().unwrap_err();
/// assert_eq!((rejected.kind(), rejected.name()), (RejectedKind::RateLimited, "mails"));
/// assert!(rejected.retry_after().unwrap() <= Duration::from_secs(1));
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "TokenBucket")]
#[doc(alias = "Throttle")]
pub struct RateLimiter(pub(super) Arc<Shared>);

/// Every atomic here is a value of its own: nothing is published through one, so all accesses are
/// relaxed.
#[derive(Debug)]
pub(super) struct Shared {
    // What every call touches stands together.
    pub(super) line: Line<Quota>,
    paid: Striped,
    pub(super) refusals: Refusals,
    pub(super) max_wait: AtomicU64,
    pub(super) would_wait: AtomicU64,
    pub(super) abandoned: AtomicU64,
    /// What calls that cost more than one cell asked for beyond it.
    extra_cells: AtomicU64,
    /// Calls that were admitted and cost none. The others are in `paid`.
    costless: AtomicU64,
    /// Calls that were refused for want of a cell and cost none. The others are in `refusals`.
    costless_refused: AtomicU64,
    pub(super) queue_wait: Recorder,
}

const MAX_WAIT: Duration = Duration::from_secs(60);

impl RateLimiter {
    /// An engine with this quota.
    ///
    /// # Panics
    ///
    /// If the quota is out of range. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        valid(Self::try_new(quota))
    }

    /// An engine with this quota.
    ///
    /// # Errors
    ///
    /// If the quota is out of range, see [`Quota`].
    #[track_caller]
    pub fn try_new(quota: Quota) -> Result<Self, InvalidConfig> {
        let rate = quota.rate()?;
        Ok(Self::unchecked(quota, rate, Refusals::new(Name::of_caller()), nanos(MAX_WAIT)))
    }

    fn unchecked(quota: Quota, rate: Rate, refusals: Refusals, max_wait: u64) -> Self {
        let shared = Arc::new(Shared {
            line: Line::new(quota, rate),
            paid: Striped::new(),
            refusals,
            max_wait: AtomicU64::new(max_wait),
            would_wait: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            extra_cells: AtomicU64::new(0),
            costless: AtomicU64::new(0),
            costless_refused: AtomicU64::new(0),
            queue_wait: Recorder::new(),
        });
        Registry::global().join(&shared, &shared);
        Self(shared)
    }

    /// The same, under this name. By default it is named after the place that made it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        self.0.refusals.panel.set_name(name.into(), Arc::strong_count(&self.0));
        self
    }

    /// The same settings with a state and counters of their own, for another dependency.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        let (quota, rate) = self.0.line.terms();
        let refusals = self.0.refusals.fork(name.into());
        Self::unchecked(quota, rate, refusals, self.0.max_wait.load(Relaxed))
    }

    /// The name in rejections and snapshots.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.refusals.panel.name()
    }

    /// The quota in force.
    pub fn quota(&self) -> Quota {
        self.0.line.quota()
    }

    /// Changes the quota. Cells in use stay in use: as many are free as the new burst is above them. Each comes back in its
    /// new time: of 1,000 in use, at 10 per second from now on, the first 990 take 99 seconds before one is free.
    /// Calls that wait are scheduled anew, and rejected if that takes them beyond the longest wait.
    ///
    /// # Errors
    ///
    /// If the quota is out of range, see [`Quota`]. The old one then stays in force.
    pub fn set_quota(&self, quota: Quota) -> Result<(), InvalidConfig> {
        self.at_run_time(|| self.set_quota_at(quota, clock::now()))
    }

    pub(crate) fn set_quota_at(&self, quota: Quota, now: Instant) -> Result<(), InvalidConfig> {
        let rate = quota.rate()?;
        self.0.line.set_quota(quota, rate, now);
        Ok(())
    }

    /// The longest wait of [`acquire`](Self::acquire) and of a layer that waits.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        Duration::from_nanos(self.0.max_wait.load(Relaxed))
    }

    /// Changes the longest wait (60 s by default), for calls that come from now on.
    ///
    /// # Errors
    ///
    /// If it is zero.
    pub fn set_max_wait(&self, max: Duration) -> Result<(), InvalidConfig> {
        let rule = "must be above zero; whoever does not want to wait rejects at once";
        InvalidConfig::check(!max.is_zero(), "max_wait", max, rule)?;
        self.at_run_time(|| self.0.max_wait.store(nanos(max), Relaxed));
        Ok(())
    }

    /// Switches the dry run: calls that exceed the quota are counted, and pass at once. Who waits passes
    /// too.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.refusals.panel.set_dry_run(dry_run));
        self.0.wake_all();
    }

    /// Takes one cell if one is free.
    ///
    /// # Errors
    ///
    /// If none is free; the rejection carries the exact wait until one is.
    #[inline]
    pub fn try_admit(&self) -> Result<(), Rejected> {
        self.try_admit_n(1)
    }

    /// Takes as many cells as the call costs, if they are free. A cost of zero is always admitted.
    ///
    /// # Errors
    ///
    /// If they are not free, with the exact wait until they are; if the cost exceeds the burst, they never
    /// will be.
    #[inline]
    pub fn try_admit_n(&self, cost: u32) -> Result<(), Rejected> {
        self.try_admit_at(clock::now(), cost)
    }

    #[inline]
    pub(crate) fn try_admit_at(&self, now: Instant, cost: u32) -> Result<(), Rejected> {
        if let Err(refusal) = self.take(now, cost) {
            return self.refuse(refusal, now, cost);
        }
        self.count_admitted(cost);
        Ok(())
    }

    /// The result of a call for which the cells are not free, which a dry run admits.
    #[cold]
    pub(super) fn refuse(&self, refusal: Refusal, now: Instant, cost: u32) -> Result<(), Rejected> {
        match self.0.refusals.refuse(refusal, now) {
            Some(rejected) => {
                self.count_extra(cost);
                Err(rejected)
            }
            None => {
                self.count_admitted(cost);
                Ok(())
            }
        }
    }

    /// Waits for one cell, in the order of arrival, and takes it.
    ///
    /// Waits at most for the [longest wait](Self::set_max_wait), and not beyond the ambient
    /// [deadline](crate::deadline).
    ///
    /// # Errors
    ///
    /// At once, if the wait would be longer; the rejection carries the exact wait.
    ///
    /// # Cancellation
    ///
    /// Who is dropped while it waits has taken nothing, and those behind it move up.
    ///
    /// # Panics
    ///
    /// If it has to wait outside a tokio runtime with time enabled.
    #[doc(alias = "until_ready")]
    pub async fn acquire(&self) -> Result<(), Rejected> {
        self.acquire_n(1).await
    }

    /// Waits for as many cells as the call costs. Otherwise as [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As `acquire`; at once also if the cost exceeds the burst.
    ///
    /// # Panics
    ///
    /// As `acquire`.
    #[doc(alias = "until_n_ready")]
    pub async fn acquire_n(&self, cost: u32) -> Result<(), Rejected> {
        match self.admit_or_wait(cost) {
            Admission::Admitted => Ok(()),
            Admission::Rejected(rejected) => Err(rejected),
            Admission::Waits(waiting) => waiting.await,
        }
    }

    /// What is left now. Takes nothing.
    #[must_use]
    pub fn peek(&self) -> RateLimitPeek {
        self.peek_at(clock::now())
    }

    pub(crate) fn peek_at(&self, now: Instant) -> RateLimitPeek {
        let ahead = self.0.line.ahead();
        let (rate, state) = self.0.line.read();
        RateLimitPeek::new(rate, rate.behind(state, ahead), now)
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> RateLimitSnapshot {
        let shared = &*self.0;
        let [rate_limited, cost_above_burst, not_ready] = shared.refusals.counts();
        let costless_refused = shared.costless_refused.load(Relaxed);
        let paid_rejected = rate_limited.saturating_add(cost_above_burst).saturating_add(not_ready);
        let rejected = paid_rejected.saturating_add(costless_refused);
        let would_reject = shared.refusals.would_reject.load(Relaxed);
        let would_wait = shared.would_wait.load(Relaxed);
        let paid = shared.paid.get();
        let admitted = paid.saturating_add(shared.costless.load(Relaxed));
        RateLimitSnapshot {
            name: self.name(),
            mode: shared.refusals.panel.mode(),
            quota: self.quota(),
            calls: admitted.saturating_add(rejected),
            admitted,
            rejected,
            rate_limited: rate_limited.saturating_add(costless_refused),
            cost_above_burst,
            not_ready,
            // Both are counted a moment before the call is.
            would_reject: would_reject.min(admitted),
            would_wait: would_wait.min(admitted),
            waiting: shared.line.waiting(),
            abandoned: shared.abandoned.load(Relaxed),
            // A sum of what only grows, so that it only grows.
            cells: paid.saturating_add(paid_rejected).saturating_add(shared.extra_cells.load(Relaxed)),
            queue_wait: shared.queue_wait.snapshot(),
        }
    }

    #[inline]
    pub(super) fn count_admitted(&self, cost: u32) {
        if cost == 1 { self.0.paid.add() } else { self.count_unusual(cost) }
    }

    #[cold]
    fn count_unusual(&self, cost: u32) {
        if cost == 0 {
            self.0.costless.fetch_add(1, Relaxed);
        } else {
            self.0.paid.add();
            self.count_extra(cost);
        }
    }

    /// What a call that was counted asks for beyond one cell.
    #[inline]
    pub(super) fn count_extra(&self, cost: u32) {
        if cost > 1 {
            self.0.extra_cells.fetch_add((cost - 1).into(), Relaxed);
        }
    }

    /// Takes the cells if they are free, and no waiter wants them.
    #[inline]
    pub(super) fn take(&self, now: Instant, cost: u32) -> Result<(), Refusal> {
        let Some(cost) = NonZeroU32::new(cost) else { return Ok(()) };
        self.0.line.take(now, cost)
    }

    /// Whether even the cheapest call would be rejected now.
    pub(super) fn would_reject(&self) -> bool {
        let now = clock::now();
        self.0.refusals.panel.enforces() && self.peek_at(now).remaining == 0
    }

    /// The rejection of a call for which the inner service was not readied, because there was no cell when
    /// the caller asked.
    #[cold]
    pub(super) fn reject_unready(&self, cost: u32) -> Rejected {
        let now = clock::now();
        let (rate, state) = self.0.line.read();
        let refusal = if cost > rate.burst() {
            Refusal::AboveBurst
        } else {
            // The service is readied only when there is a cell, also for a call that costs none.
            Refusal::Until(rate.due(rate.behind(state, self.0.line.ahead()), cost.max(1)))
        };
        if cost == 0 {
            self.0.costless_refused.fetch_add(1, Relaxed);
            return self.0.refusals.rejection(refusal, now);
        }
        self.count_extra(cost);
        self.0.refusals.reject(refusal, now)
    }

    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.refusals.reject_not_ready()
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        self.line.quota().tell(visit);
        visit("max_wait", Duration::from_nanos(self.max_wait.load(Relaxed)).into(), Some(MAX_WAIT.into()));
        self.refusals.panel.tell_dry_run(visit);
    }

    /// Lets all who wait look again.
    fn wake_all(&self) {
        self.line.wake_all();
    }
}

panel!(RateLimiter(Shared), refusals.panel, changed: wake_all);
