use std::fmt::{self, Debug};
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

use super::compartment::{Compartment, KeyedCompartment};
use super::snapshot::{KeyedBulkheadSnapshot, KeyedCompartmentSnapshot};
use crate::algo::histogram::Recorder;
use crate::algo::keyed::{Overflow, Table, Worst};
use crate::algo::permits::Permits;
use crate::bulkhead::admission::Admission;
use crate::bulkhead::counts::Counts;
use crate::bulkhead::engine::{Bulkhead, check_count};
use crate::bulkhead::permit::BulkheadPermit;
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::registry::{Panel, Registry, SettingValue, Visit, presentable_debug};
use crate::reject::{Rejected, RejectedKind, Source};
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering::Relaxed};
use crate::units::nanos;

/// A limit of calls in flight for each key, in a table of bounded size, shared by all clones: the handle of a
/// [`KeyedBulkheadLayer`].
///
/// Keys are whatever is `Hash` and `Debug`: the number of a shard, an authority, the name of a tenant. `"ada"` and
/// `String::from("ada")` are the same key, `1_u32` and `1_u64` are not. They are told apart by a 64-bit hash under
/// secret numbers of the engine's own; of the text, which is for people, the first 200 characters are kept, and seen
/// wherever keys are [listed](Self::worst).
///
/// [`KeyedBulkheadLayer`]: super::KeyedBulkheadLayer
///
/// ```
/// use buttress::{KeyedBulkhead, RejectedKind};
///
/// let bulkhead = KeyedBulkhead::new(1).named("reports");
/// let permit = bulkhead.try_admit("ada").unwrap();
/// assert_eq!(bulkhead.try_admit("ada").unwrap_err().kind(), RejectedKind::BulkheadFull);
/// assert!(bulkhead.try_admit("grace").is_ok());
/// permit.complete();
/// assert!(bulkhead.try_admit("ada").is_ok());
/// ```
#[derive(Clone)]
pub struct KeyedBulkhead(Arc<Shared>);

/// The atomics here are numbers that stand for themselves, hence relaxed.
struct Shared {
    panel: Arc<Panel>,
    queue_wait: Arc<Recorder>,
    table: Table<Compartment>,
    hasher: RandomState,
    limit: AtomicU64,
    queue_len: AtomicU64,
    max_wait: AtomicU64,
    max_keys: AtomicU64,
    rejects_overflow: AtomicBool,
    /// Of all keys that found no place.
    strangers: Arc<Compartment>,
    /// Lets calls without a key pass, and counts them.
    unlimited: Arc<Compartment>,
    overflowed: AtomicU64,
    not_ready: AtomicU64,
}

/// What each key gets.
#[derive(Clone, Copy, Debug)]
struct Limits {
    limit: u32,
    queue_len: u32,
    max_wait: u64,
}

const MAX_KEYS: u64 = 1_024;

impl KeyedBulkhead {
    /// An engine that lets this many calls of each key be in flight, without a queue.
    ///
    /// # Panics
    ///
    /// If the limit is zero or above [`Bulkhead::MAX`]. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(max_concurrent: usize) -> Self {
        valid(Self::try_new(max_concurrent))
    }

    /// An engine that lets this many calls of each key be in flight, without a queue.
    ///
    /// # Errors
    ///
    /// If the limit is zero or above [`Bulkhead::MAX`].
    #[track_caller]
    pub fn try_new(max_concurrent: usize) -> Result<Self, InvalidConfig> {
        let limits =
            Limits { limit: check_count("max_concurrent", max_concurrent)?, queue_len: 0, max_wait: 0 };
        let panel = Panel::new("bulkhead", Name::of_caller());
        Ok(Self::unchecked(panel, limits, MAX_KEYS, false))
    }

    fn unchecked(panel: Panel, limits: Limits, max_keys: u64, rejects_overflow: bool) -> Self {
        let (panel, queue_wait) = (Arc::new(panel), Arc::new(Recorder::new()));
        let special = |name: &str| Arc::new(compartment(&panel, &queue_wait, limits, name.into()));
        let shared = Arc::new(Shared {
            table: Table::new(),
            hasher: RandomState::new(),
            limit: AtomicU64::new(limits.limit.into()),
            queue_len: AtomicU64::new(limits.queue_len.into()),
            max_wait: AtomicU64::new(limits.max_wait),
            max_keys: AtomicU64::new(max_keys),
            rejects_overflow: AtomicBool::new(rejects_overflow),
            strangers: special("(keys without a place)"),
            unlimited: special("(no key)"),
            overflowed: AtomicU64::new(0),
            not_ready: AtomicU64::new(0),
            panel,
            queue_wait,
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

    /// The same settings with a table and counters of their own, for another dependency.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        let rejects_overflow = self.0.rejects_overflow.load(Relaxed);
        let max_keys = self.0.max_keys.load(Relaxed);
        Self::unchecked(self.0.panel.fork(name.into()), self.0.limits(), max_keys, rejects_overflow)
    }

    /// The name in rejections and snapshots, whatever the key.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.panel.name()
    }

    /// Changes the limit of all keys, those included that are to come. A higher one admits who waits; a lower one
    /// interrupts nothing.
    ///
    /// # Errors
    ///
    /// If the limit is zero or above [`Bulkhead::MAX`].
    pub fn set_limit(&self, max_concurrent: usize) -> Result<(), InvalidConfig> {
        let limit = check_count("max_concurrent", max_concurrent)?;
        self.at_run_time(|| {
            let set = || self.0.limit.store(limit.into(), Relaxed);
            let changed = self.change(set, |compartment| compartment.bulkhead.0.permits.put_limit(limit));
            // Not at the door: it wakes who waits.
            changed.iter().for_each(|compartment| compartment.bulkhead.0.permits.hand_out());
        });
        Ok(())
    }

    /// Changes how many calls of each key may wait, and how long, see [`Bulkhead::set_queue`].
    ///
    /// # Errors
    ///
    /// If the length is zero or above [`Bulkhead::MAX`], or the time is zero.
    pub fn set_queue(&self, len: usize, max_wait: Duration) -> Result<(), InvalidConfig> {
        let len = check_count("queue", len)?;
        InvalidConfig::check(!max_wait.is_zero(), "max_wait", max_wait, "must be above zero")?;
        let max_wait = nanos(max_wait);
        self.at_run_time(|| {
            let set = || {
                self.0.max_wait.store(max_wait, Relaxed);
                self.0.queue_len.store(len.into(), Relaxed);
            };
            self.change(set, |compartment| {
                let shared = &compartment.bulkhead.0;
                shared.max_wait.store(max_wait, Relaxed);
                shared.permits.set_queue_len(len);
            });
        });
        Ok(())
    }

    /// Changes what new keys get, and the same of those that are there; these are returned.
    fn change(&self, set: impl FnOnce(), each: impl Fn(&Compartment)) -> Vec<Arc<Compartment>> {
        self.0.table.change(|mut all| {
            set();
            all.push(Arc::clone(&self.0.strangers));
            all.iter().for_each(|compartment| each(compartment));
            all
        })
    }

    /// The most keys that the table may hold.
    #[must_use]
    pub fn max_keys(&self) -> usize {
        usize::try_from(self.0.max_keys.load(Relaxed)).unwrap_or(usize::MAX)
    }

    /// Changes how many keys the table may hold. By default 1,024; each takes some 0.5 kB. If that is fewer than it
    /// holds, they go as others come. When all places are taken, a key goes that has nothing in flight and nobody
    /// waiting; a new key looks at up to 64 others for that.
    ///
    /// # Errors
    ///
    /// If it is zero.
    pub fn set_max_keys(&self, max: usize) -> Result<(), InvalidConfig> {
        InvalidConfig::check(max > 0, "max_keys", max, "must be at least 1")?;
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        self.at_run_time(|| self.0.max_keys.store(max, Relaxed));
        Ok(())
    }

    /// What happens to a new key while all places are taken.
    #[must_use]
    pub fn overflow(&self) -> Overflow {
        if self.0.rejects_overflow.load(Relaxed) { Overflow::Reject } else { Overflow::Share }
    }

    /// Changes what happens to a new key while all places are taken. By default [`Overflow::Share`].
    pub fn set_overflow(&self, overflow: Overflow) {
        let rejects = overflow == Overflow::Reject;
        self.at_run_time(|| self.0.rejects_overflow.store(rejects, Relaxed));
    }

    /// Switches the dry run, of all keys: calls that find no room are counted and pass. Who waits passes too.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
        self.0.mode_changed();
    }

    /// Admits a call with this key, or rejects it at once. It never waits, and never passes a call that does.
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`](RejectedKind::BulkheadFull), if there is no room for this key or somebody waits for it; or if
    /// the key found no place, by that setting.
    pub fn try_admit<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<BulkheadPermit, Rejected> {
        match self.admit_known(key) {
            Some(permit) => Ok(permit),
            None => self.try_admit_rarely(key),
        }
    }

    #[cold]
    fn try_admit_rarely<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<BulkheadPermit, Rejected> {
        match self.find_or_make(key).or_else(|| self.overflow_compartment()) {
            Some(compartment) => compartment.bulkhead.try_admit(),
            None => self.refuse_stranger(),
        }
    }

    /// Admits a call with this key as soon as there is room, in order of arrival; without a
    /// [queue](Self::set_queue) or if that is full, rejects it at once. The place in the queue is taken at the first
    /// poll.
    ///
    /// # Errors
    ///
    /// As [`Bulkhead::acquire`]; or if the key found no place, by that setting.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the queue. Nothing is lost.
    ///
    /// # Panics
    ///
    /// If it has to wait, outside a tokio runtime with time enabled; that is tokio's own panic.
    pub async fn acquire<K: Hash + Debug + ?Sized>(&self, key: &K) -> Result<BulkheadPermit, Rejected> {
        match self.admit_or_queue(key) {
            Admission::Admitted(permit) => Ok(permit),
            Admission::Waits(waiting) => waiting.await,
            Admission::Rejected(rejected) => Err(rejected),
        }
    }

    /// The common case: a known key with room.
    #[inline]
    fn admit_known<K: Hash + ?Sized>(&self, key: &K) -> Option<BulkheadPermit> {
        let hash = self.0.hasher.hash_one(key);
        self.0.table.with(hash, |compartment| compartment.bulkhead.admit_now()).flatten()
    }

    pub(super) fn admit_or_queue<K: Hash + Debug + ?Sized>(&self, key: &K) -> Admission {
        match self.admit_known(key) {
            Some(permit) => Admission::Admitted(permit),
            None => match self.find_or_make(key).or_else(|| self.overflow_compartment()) {
                Some(compartment) => compartment.bulkhead.admit_or_queue(),
                None => self.refuse_stranger().into(),
            },
        }
    }

    /// A call without a key.
    pub(super) fn admit_unlimited(&self) -> BulkheadPermit {
        self.0.unlimited.bulkhead.pass()
    }

    fn find_or_make<K: Hash + Debug + ?Sized>(&self, key: &K) -> Option<Arc<Compartment>> {
        let shared = &*self.0;
        let hash = shared.hasher.hash_one(key);
        shared.table.with(hash, Arc::clone).or_else(|| {
            let make = |text| compartment(&shared.panel, &shared.queue_wait, shared.limits(), text);
            let max_keys = shared.max_keys.load(Relaxed);
            shared.table.find_or_make(hash, clock::now(), max_keys, || presentable_debug(key), make)
        })
    }

    /// Where a key belongs that found no place, unless it is to have none.
    #[cold]
    fn overflow_compartment(&self) -> Option<Arc<Compartment>> {
        self.0.overflowed.fetch_add(1, Relaxed);
        (self.overflow() == Overflow::Share).then(|| Arc::clone(&self.0.strangers))
    }

    /// A call whose key is to have no place.
    #[cold]
    fn refuse_stranger(&self) -> Result<BulkheadPermit, Rejected> {
        self.0.strangers.bulkhead.pass_or_reject(RejectedKind::BulkheadFull, self.0.panel.mode())
    }

    #[cold]
    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.not_ready.fetch_add(1, Relaxed);
        Rejected::unsent(RejectedKind::NotReady, Source::Bulkhead, self.0.panel.name_id(), None)
    }

    /// The bulkhead of this key, if the table has it. Looking makes none.
    pub fn get<K: Hash + ?Sized>(&self, key: &K) -> Option<KeyedCompartment> {
        self.0.table.with(self.0.hasher.hash_one(key), Arc::clone).map(KeyedCompartment)
    }

    /// The keys that have least room, at most so many: those first for which most calls wait, then by calls in flight
    /// and rejected. Looks at all keys.
    #[must_use]
    pub fn worst(&self, most: usize) -> Vec<KeyedCompartmentSnapshot> {
        let mut worst = Worst::new(most);
        let mut look = |compartment: &Arc<Compartment>| {
            let counts = compartment.bulkhead.counts();
            let rejected = counts.rejected();
            if counts.admitted > 0 || rejected > 0 {
                worst.look((counts.waiting, counts.in_flight, rejected), compartment);
            }
        };
        self.0.table.look(&mut look, |_| ());
        look(&self.0.strangers);
        let snapshot = |of: Arc<Compartment>| KeyedCompartmentSnapshot {
            key: of.key.as_ref().into(),
            bulkhead: of.bulkhead.snapshot(),
        };
        worst.into_iter().map(snapshot).collect()
    }

    /// How many keys the table holds.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.0.table.len()).unwrap_or(usize::MAX)
    }

    /// Whether the table holds no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The longest wait in the queue, if there is one.
    #[cfg(feature = "stack")]
    pub(crate) fn queue_wait(&self) -> Option<Duration> {
        let limits = self.0.limits();
        (limits.queue_len > 0).then(|| Duration::from_nanos(limits.max_wait))
    }

    /// The counters of all keys together. Looks at one key after the other.
    #[must_use]
    pub fn snapshot(&self) -> KeyedBulkheadSnapshot {
        let shared = &*self.0;
        let [not_ready, overflowed] =
            [&shared.not_ready, &shared.overflowed].map(|count| count.load(Relaxed));
        let (mut keys, mut full_keys) = (0_usize, 0_usize);
        let (mut here, mut gone) = (Counts::default(), Counts::default());
        let look = |of: &Arc<Compartment>| {
            keys = keys.saturating_add(1);
            full_keys = full_keys.saturating_add(of.bulkhead.0.permits.is_full().into());
            here = here.plus(of.bulkhead.counts());
        };
        shared.table.look(look, |counts| gone = gone.plus(*counts));
        let unlimited = shared.unlimited.bulkhead.counts();
        let counts = here.plus(gone).plus(shared.strangers.bulkhead.counts()).plus(unlimited);
        let rejected = counts.rejected().saturating_add(not_ready);
        let limits = shared.limits();
        KeyedBulkheadSnapshot {
            name: self.name(),
            limit: limits.limit as usize,
            queue_len: limits.queue_len as usize,
            max_wait: Duration::from_nanos(limits.max_wait),
            mode: shared.panel.mode(),
            keys,
            max_keys: self.max_keys(),
            full_keys,
            in_flight: counts.in_flight,
            waiting: counts.waiting,
            calls: counts.admitted.saturating_add(rejected),
            admitted: counts.admitted,
            rejected,
            full: counts.full,
            queue_full: counts.queue_full,
            queue_timeout: counts.queue_timeout,
            not_ready,
            completed: counts.completed(),
            cancelled: counts.cancelled,
            panicked: counts.panicked,
            abandoned: counts.abandoned,
            would_reject: counts.would_reject,
            unlimited: unlimited.admitted,
            overflowed,
            queue_wait: shared.queue_wait.snapshot(),
        }
    }
}

impl Shared {
    fn limits(&self) -> Limits {
        let small = |number: &AtomicU64| u32::try_from(number.load(Relaxed)).unwrap_or(u32::MAX);
        Limits {
            limit: small(&self.limit),
            queue_len: small(&self.queue_len),
            max_wait: self.max_wait.load(Relaxed),
        }
    }

    fn settings(&self, visit: &mut Visit<'_>) {
        let limits = self.limits();
        visit("max_concurrent", limits.limit.into(), None);
        let len = Some(limits.queue_len).filter(|len| *len > 0);
        visit("queue", len.into(), Some(SettingValue::None));
        if len.is_some() {
            visit("max_wait", Duration::from_nanos(limits.max_wait).into(), None);
        }
        visit("max_keys", self.max_keys.load(Relaxed).into(), Some(MAX_KEYS.into()));
        let overflow = if self.rejects_overflow.load(Relaxed) { "reject" } else { "share" };
        visit("overflow", overflow.into(), Some("share".into()));
        self.panel.tell_dry_run(visit);
    }

    /// Who waits may not have to any more.
    fn mode_changed(&self) {
        // Not at the door: wakers are the executor's code.
        let mut all = self.table.change(|all| all);
        all.push(Arc::clone(&self.strangers));
        all.iter().for_each(|compartment| compartment.bulkhead.0.permits.wake_all());
    }
}

fn compartment(panel: &Arc<Panel>, queue_wait: &Arc<Recorder>, limits: Limits, key: Box<str>) -> Compartment {
    let permits = Permits::new(limits.limit, limits.queue_len);
    let bulkhead = Bulkhead::small(Arc::clone(panel), permits, limits.max_wait, Arc::clone(queue_wait));
    Compartment { bulkhead, key }
}

panel!(KeyedBulkhead(Shared), panel, changed: mode_changed);

impl Debug for KeyedBulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBulkhead").field("name", &self.name()).field("keys", &self.len()).finish()
    }
}
