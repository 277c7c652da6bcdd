use std::fmt::{self, Debug};
use std::hash::RandomState;
use std::time::Duration;

use super::compartment::Compartment;
use crate::algo::histogram::Recorder;
use crate::algo::keyed::Table;
use crate::algo::permits::Permits;
use crate::bulkhead::engine::{Bulkhead, check_count};
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::name::Name;
use crate::places::{Places, keyed_engine};
use crate::registry::{Panel, Registry, SettingValue, Visit};
use crate::sync::{Arc, AtomicU64, Ordering::Relaxed};
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
pub struct KeyedBulkhead(pub(super) Arc<Shared>);

/// The atomics here are numbers that stand for themselves, hence relaxed.
pub(super) struct Shared {
    pub(super) panel: Arc<Panel>,
    pub(super) queue_wait: Arc<Recorder>,
    pub(super) table: Table<Compartment>,
    pub(super) hasher: RandomState,
    limit: AtomicU64,
    queue_len: AtomicU64,
    max_wait: AtomicU64,
    pub(super) places: Places,
    /// Of all keys that found no place.
    pub(super) strangers: Arc<Compartment>,
    /// Lets calls without a key pass, and counts them.
    pub(super) unlimited: Arc<Compartment>,
    pub(super) not_ready: AtomicU64,
}

/// What each key gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) limit: u32,
    pub(super) queue_len: u32,
    pub(super) max_wait: u64,
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
        Ok(Self::unchecked(panel, limits, Places::new(MAX_KEYS)))
    }

    fn unchecked(panel: Panel, limits: Limits, places: Places) -> Self {
        let (panel, queue_wait) = (Arc::new(panel), Arc::new(Recorder::new()));
        let special = |name: &str| Arc::new(compartment(&panel, &queue_wait, limits, name.into()));
        let shared = Arc::new(Shared {
            table: Table::new(),
            hasher: RandomState::new(),
            limit: AtomicU64::new(limits.limit.into()),
            queue_len: AtomicU64::new(limits.queue_len.into()),
            max_wait: AtomicU64::new(limits.max_wait),
            places,
            strangers: special("(keys without a place)"),
            unlimited: special("(no key)"),
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
        Self::unchecked(self.0.panel.fork(name.into()), self.0.limits(), self.0.places.fork())
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

    /// Switches the dry run, of all keys: calls that find no room are counted and pass. Who waits passes too.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
        self.0.mode_changed();
    }

    /// How many keys the table holds.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.0.table.len()).unwrap_or(usize::MAX)
    }

    /// The longest wait in the queue, if there is one.
    #[cfg(feature = "stack")]
    pub(crate) fn queue_wait(&self) -> Option<Duration> {
        let limits = self.0.limits();
        (limits.queue_len > 0).then(|| Duration::from_nanos(limits.max_wait))
    }
}

impl Shared {
    pub(super) fn limits(&self) -> Limits {
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
        self.places.tell(visit, MAX_KEYS);
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

pub(super) fn compartment(
    panel: &Arc<Panel>,
    queue_wait: &Arc<Recorder>,
    limits: Limits,
    key: Box<str>,
) -> Compartment {
    let permits = Permits::new(limits.limit, limits.queue_len);
    let bulkhead = Bulkhead::small(Arc::clone(panel), permits, limits.max_wait, Arc::clone(queue_wait));
    Compartment { bulkhead, key }
}

panel!(KeyedBulkhead(Shared), panel, changed: mode_changed);
keyed_engine!(
    KeyedBulkhead,
    /// Changes how many keys the table may hold. By default 1,024; each takes some 0.5 kB. If that is fewer than it
    /// holds, they go as others come. When all places are taken, a key goes that has nothing in flight and nobody
    /// waiting; a new key looks at up to 64 others for that. If none of them can go, nobody looks for a millisecond.
);

impl Debug for KeyedBulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBulkhead").field("name", &self.name()).field("keys", &self.len()).finish()
    }
}
