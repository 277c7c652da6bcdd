use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;

use crate::algo::counter::Counter;
use crate::algo::gcra::{Rate, Refusal, Table};
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::places::{Places, keyed_engine};
use crate::rate_limit::counts::Refusals;
use crate::rate_limit::quota::Quota;
use crate::rate_limit::snapshot::{KeyedRateLimitSnapshot, RateLimitPeek};
use crate::registry::{Registry, Visit};
use crate::reject::Rejected;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering::Relaxed, lock};
use crate::units::Instant;

/// One limit for each key, in a table of bounded size, shared by all clones: the handle of a
/// [`KeyedRateLimitLayer`].
///
/// Keys are whatever is `Hash`: addresses, names, ids. `"ada"` and `String::from("ada")` are the same key,
/// `1_u32` and `1_u64` are not. The table holds only a 64-bit hash of a key, under
/// secret numbers of its own, so that nobody can pick keys that collide.
///
/// [`KeyedRateLimitLayer`]: super::KeyedRateLimitLayer
///
/// ```
/// use buttress::{KeyedRateLimiter, Quota};
///
/// let limiter = KeyedRateLimiter::new(Quota::per_minute(60).burst(1)).named("logins");
/// assert!(limiter.try_admit("ada").is_ok());
/// assert!(limiter.try_admit("ada").is_err());
/// assert!(limiter.try_admit("grace").is_ok());
/// assert_eq!((limiter.peek("ada").remaining, limiter.len()), (0, 2));
/// ```
#[derive(Clone, Debug)]
pub struct KeyedRateLimiter(Arc<Shared>);

/// But for the [`Counter`]s, every atomic here is a value of its own, hence relaxed. Those count some of the calls that
/// are counted elsewhere, after that, and are read before: no snapshot has more of them than of calls.
#[derive(Debug)]
struct Shared {
    table: Table,
    hasher: RandomState,
    places: Places,
    quota: Mutex<Quota>,
    refusals: Refusals,
    /// Admitted without a look at any limit: no key, no cost, or a dry run.
    passed: AtomicU64,
    unlimited: Counter,
    /// Calls whose key found no place.
    overflowed: Counter,
}

const MAX_KEYS: u64 = 65_536;

impl KeyedRateLimiter {
    /// An engine with this quota for each key.
    ///
    /// # Panics
    ///
    /// If the quota is out of range. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        valid(Self::try_new(quota))
    }

    /// An engine with this quota for each key.
    ///
    /// # Errors
    ///
    /// If the quota is out of range, see [`Quota`].
    #[track_caller]
    pub fn try_new(quota: Quota) -> Result<Self, InvalidConfig> {
        let refusals = Refusals::new(Name::of_caller());
        Ok(Self::unchecked(quota, quota.rate()?, refusals, Places::new(MAX_KEYS)))
    }

    fn unchecked(quota: Quota, rate: Rate, refusals: Refusals, places: Places) -> Self {
        let shared = Arc::new(Shared {
            table: Table::new(rate),
            hasher: RandomState::new(),
            places,
            quota: Mutex::new(quota),
            refusals,
            passed: AtomicU64::new(0),
            unlimited: Counter::default(),
            overflowed: Counter::default(),
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

    /// The same settings with a table and counters of their own, for another dependency.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        let (quota, rate) = {
            // Under the lock that changes both.
            let quota = lock(&self.0.quota);
            (*quota, self.0.table.rate())
        };
        let refusals = self.0.refusals.fork(name.into());
        Self::unchecked(quota, rate, refusals, self.0.places.fork())
    }

    /// The name in rejections and snapshots.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.refusals.panel.name()
    }

    /// The quota in force.
    pub fn quota(&self) -> Quota {
        *lock(&self.0.quota)
    }

    /// Changes the quota. Each key's cells in use stay in use: as many are free as the new burst is above
    /// them. Takes time in proportion to the number of keys, but holds up a call only for its share of
    /// the table.
    ///
    /// # Errors
    ///
    /// If the quota is out of range, see [`Quota`]. The old one then stays in force.
    pub fn set_quota(&self, quota: Quota) -> Result<(), InvalidConfig> {
        self.at_run_time(|| self.set_quota_at(quota, clock::now()))
    }

    pub(crate) fn set_quota_at(&self, quota: Quota, now: Instant) -> Result<(), InvalidConfig> {
        let rate = quota.rate()?;
        let mut current = lock(&self.0.quota);
        self.0.table.set_rate(rate, now);
        *current = quota;
        Ok(())
    }

    /// Switches the dry run: calls that exceed the quota are counted and pass.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.refusals.panel.set_dry_run(dry_run));
    }

    /// Takes one cell of this key if one is free.
    ///
    /// # Errors
    ///
    /// If none is free; the rejection carries the exact wait until one is.
    pub fn try_admit<K: Hash + ?Sized>(&self, key: &K) -> Result<(), Rejected> {
        self.try_admit_n(key, 1)
    }

    /// Takes as many cells of this key as the call costs, if they are free. A cost of zero is always
    /// admitted.
    ///
    /// # Errors
    ///
    /// If they are not free, with the exact wait until they are; if the cost exceeds the burst, they never
    /// will be.
    pub fn try_admit_n<K: Hash + ?Sized>(&self, key: &K, cost: u32) -> Result<(), Rejected> {
        self.try_admit_at(clock::now(), key, cost)
    }

    pub(crate) fn try_admit_at<K: Hash + ?Sized>(
        &self,
        now: Instant,
        key: &K,
        cost: u32,
    ) -> Result<(), Rejected> {
        let Some(cost) = NonZeroU32::new(cost) else {
            self.0.passed.fetch_add(1, Relaxed);
            return Ok(());
        };
        // The hash is taken before any lock: it is the key's own code.
        let key = self.0.hasher.hash_one(key);
        let max_keys = self.0.places.max_keys();
        let (decision, overflowed) = self.0.table.admit(key, now, cost, max_keys, self.0.places.overflow());
        let result = match decision {
            Ok(()) => Ok(()),
            Err(refusal) => self.refuse(refusal, now),
        };
        if overflowed {
            self.0.overflowed.add();
        }
        result
    }

    #[cold]
    fn refuse(&self, refusal: Refusal, now: Instant) -> Result<(), Rejected> {
        match self.0.refusals.refuse(refusal, now) {
            Some(rejected) => Err(rejected),
            None => {
                self.0.passed.fetch_add(1, Relaxed);
                Ok(())
            }
        }
    }

    /// What is left now for this key. Takes nothing, and does not make room for the key.
    #[must_use]
    pub fn peek<K: Hash + ?Sized>(&self, key: &K) -> RateLimitPeek {
        let now = clock::now();
        let key = self.0.hasher.hash_one(key);
        let max_keys = self.0.places.max_keys();
        match self.0.table.read(key, now, max_keys, self.0.places.overflow()) {
            Some((rate, state)) => RateLimitPeek::new(rate, state, now),
            None => RateLimitPeek::exhausted(self.0.table.rate(), self.0.table.next_place(), now),
        }
    }

    /// How many keys the table holds. Keys that are as good as unused are dropped when others come and the
    /// table is half full, not before; see [`sweep`](Self::sweep).
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.0.table.len()).unwrap_or(usize::MAX)
    }

    /// Drops all keys that are as good as unused, and tells how many. Nobody has to call it: the table is
    /// bounded without. No lock is held for longer than it takes to drop one key.
    pub fn sweep(&self) -> usize {
        usize::try_from(self.0.table.sweep(clock::now())).unwrap_or(usize::MAX)
    }

    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> KeyedRateLimitSnapshot {
        let shared = &*self.0;
        let [unlimited, overflowed] = [&shared.unlimited, &shared.overflowed].map(Counter::get);
        let [rate_limited, cost_above_burst, not_ready] = shared.refusals.counts();
        let rejected = rate_limited.saturating_add(cost_above_burst).saturating_add(not_ready);
        let would_reject = shared.refusals.would_reject.load(Relaxed);
        let admitted = shared.table.admitted().saturating_add(shared.passed.load(Relaxed));
        KeyedRateLimitSnapshot {
            name: self.name(),
            mode: shared.refusals.panel.mode(),
            quota: self.quota(),
            keys: self.len(),
            max_keys: self.max_keys(),
            calls: admitted.saturating_add(rejected),
            admitted,
            rejected,
            rate_limited,
            cost_above_burst,
            not_ready,
            // Counted a moment before the call is.
            would_reject: would_reject.min(admitted),
            unlimited,
            overflowed,
        }
    }

    /// A call without a key.
    pub(super) fn admit_unlimited(&self) {
        self.0.passed.fetch_add(1, Relaxed);
        self.0.unlimited.add();
    }

    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.refusals.reject_not_ready()
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        let quota = *lock(&self.quota);
        quota.tell(visit);
        self.places.tell(visit, MAX_KEYS);
        self.refusals.panel.tell_dry_run(visit);
    }
}

panel!(KeyedRateLimiter(Shared), refusals.panel);
keyed_engine!(
    KeyedRateLimiter,
    /// Changes how many keys the table may hold (65,536 by default), each of them 50 to 65 bytes. If that is fewer than
    /// it holds, they go as they fill up. Above half of it, keys whose cells are all free again give way to new ones.
    ///
    /// With [`Overflow::Reject`](crate::Overflow::Reject), a new key is told when the first of the others will give way. As long as the table holds more
    /// than it may, that is the least it has to wait.
);
