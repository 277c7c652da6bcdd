//! Engines by key, a bounded number of them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::time::Duration;

use crate::sync::{Arc, AtomicU64, Mutex, Ordering::Relaxed, lock};
use crate::units::Instant;

#[cfg(buttress_loom)]
pub(crate) mod loom;

/// What happens to a new key while every place is taken by one that cannot go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// It shares one engine of the same settings with all other such keys.
    ///
    /// Once there is a place, the key gets an engine of its own, which knows nothing of what it did in the shared one: for
    /// a moment it may have what both allow, twice the limit.
    #[default]
    Share,
    /// Its calls are rejected.
    Reject,
}

/// An engine that is kept for a key.
pub(crate) trait Kept {
    /// What remains of those that went.
    type Totals: Default;

    /// Whether nothing is lost if it goes. Only asked while nobody holds it.
    fn is_idle(&mut self, now: Instant) -> bool;
    /// It goes.
    fn retire(&self, into: &mut Self::Totals);
}

/// A bounded table of engines, by a 64-bit hash of their keys.
///
/// A call with a known key takes one shard's lock for one look-up. A new key comes through the door, one at a time, and
/// if there is no room the first engine in turn goes that nobody holds and that is idle. Engines are handed out only
/// under the lock of their shard, so one that nobody else holds there is held by nobody: whoever has an engine in hand
/// meets the same one again under its key. Once a key looked in vain, others are not let in for a moment: a flood of new
/// keys costs no more than the look-up.
///
/// `len` and `shut_until` are written at the door only, and read for orientation elsewhere, hence relaxed.
pub(crate) struct Table<E: Kept> {
    shards: Box<[Mutex<Shard<E>>]>,
    len: AtomicU64,
    /// The door, while there is no room. In nanoseconds.
    shut_until: AtomicU64,
    door: Mutex<Turn>,
}

struct Shard<E: Kept> {
    engines: BTreeMap<u64, Arc<E>>,
    /// Of the engines that went from here, so that each is counted either there or here.
    gone: E::Totals,
}

/// Where the search for one that can go goes on.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    shard: usize,
    after: Option<u64>,
}

const SHARDS: usize = 16;

/// How many engines a new key looks at to find one that can go: all of a small table. In a large one others that come
/// later go on from there.
const LOOKS: usize = 64;

/// For how long there is no room if a key looked in vain: so short that nobody misses a place for long, and so long that looking
/// takes no processor more than a hundredth of its time.
const PAUSE: Duration = Duration::from_millis(1);

impl<E: Kept> Table<E> {
    pub(crate) fn new() -> Self {
        let shard = || Mutex::new(Shard { engines: BTreeMap::new(), gone: E::Totals::default() });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            len: AtomicU64::new(0),
            shut_until: AtomicU64::new(0),
            door: Mutex::default(),
        }
    }

    /// Does this with the engine of a known key, under the lock: it has to be short.
    #[inline]
    pub(crate) fn with<T>(&self, key: u64, act: impl FnOnce(&Arc<E>) -> T) -> Option<T> {
        lock(&self.shards[index(key)]).engines.get(&key).map(act)
    }

    /// The engine of a key that was not found, if there is a place. `prepare` does what is the key's own code.
    #[cold]
    pub(crate) fn find_or_make<T>(
        &self,
        key: u64,
        now: Instant,
        max_keys: u64,
        prepare: impl FnOnce() -> T,
        make: impl FnOnce(T) -> E,
    ) -> Option<Arc<E>> {
        if self.is_full(max_keys) && now.as_nanos() < self.shut_until.load(Relaxed) {
            return None;
        }
        let prepared = prepare();
        let mut turn = lock(&self.door);
        // Another thread may have brought it meanwhile.
        if let Some(known) = self.with(key, Arc::clone) {
            return Some(known);
        }
        // More than one if there are fewer places than there were.
        while self.is_full(max_keys) {
            let Some(gone) = self.evict(&mut turn, now) else {
                self.shut_until.store(now.saturating_add(PAUSE).as_nanos(), Relaxed);
                return None;
            };
            drop(gone);
        }
        let engine = Arc::new(make(prepared));
        lock(&self.shards[index(key)]).engines.insert(key, Arc::clone(&engine));
        self.len.fetch_add(1, Relaxed);
        Some(engine)
    }

    /// Takes out the next engine that can go. Dropped by the caller, without the lock of its shard.
    fn evict(&self, turn: &mut Turn, now: Instant) -> Option<Arc<E>> {
        let mut looks = LOOKS;
        // Once round, and the first part of where it began.
        for _ in 0..=SHARDS {
            let mut shard = lock(&self.shards[turn.shard]);
            let after = turn.after.map_or(Bound::Unbounded, Bound::Excluded);
            let mut idle = None;
            for (key, engine) in shard.engines.range_mut((after, Bound::Unbounded)).take(looks) {
                looks = looks.saturating_sub(1);
                turn.after = Some(*key);
                // Unlike a look at the count, this acquires what those did who held it last.
                if Arc::get_mut(engine).is_some_and(|engine| engine.is_idle(now)) {
                    idle = Some(*key);
                    break;
                }
            }
            if let Some(engine) = idle.and_then(|key| shard.engines.remove(&key)) {
                engine.retire(&mut shard.gone);
                self.len.fetch_sub(1, Relaxed);
                return Some(engine);
            }
            if looks == 0 {
                return None;
            }
            *turn = Turn { shard: turn.shard.wrapping_add(1) % SHARDS, after: None };
        }
        None
    }

    /// Does something to all engines, and to those that come: nobody comes or goes meanwhile.
    pub(crate) fn change<T>(&self, act: impl FnOnce(Vec<Arc<E>>) -> T) -> T {
        let _alone = lock(&self.door);
        let mut all = Vec::new();
        self.look_alone(|engine| all.push(Arc::clone(engine)), |_| ());
        act(all)
    }

    /// Shows all engines, and what remains of those that went: nobody comes or goes meanwhile, so each is shown once.
    pub(crate) fn look(&self, at: impl FnMut(&Arc<E>), gone: impl FnMut(&E::Totals)) {
        let _alone = lock(&self.door);
        self.look_alone(at, gone);
    }

    /// Shard after shard, each under its lock: who held engines for a look would keep all of them from going.
    fn look_alone(&self, mut at: impl FnMut(&Arc<E>), mut gone: impl FnMut(&E::Totals)) {
        for shard in &self.shards {
            let shard = lock(shard);
            shard.engines.values().for_each(&mut at);
            gone(&shard.gone);
        }
    }

    fn is_full(&self, max_keys: u64) -> bool {
        self.len() >= max_keys
    }

    pub(crate) fn len(&self) -> u64 {
        self.len.load(Relaxed)
    }
}

/// The so many engines that rank highest of those that were shown.
pub(crate) struct Worst<R, E> {
    most: usize,
    /// From the highest on.
    ranked: Vec<(R, Arc<E>)>,
}

impl<R: Ord, E> Worst<R, E> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, ranked: Vec::new() }
    }

    /// Holds only what counts among them so far.
    pub(crate) fn look(&mut self, rank: R, engine: &Arc<E>) {
        let place = self.ranked.partition_point(|(other, _)| *other >= rank);
        if place < self.most {
            self.ranked.insert(place, (rank, Arc::clone(engine)));
            self.ranked.truncate(self.most);
        }
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = Arc<E>> {
        self.ranked.into_iter().map(|(_, engine)| engine)
    }
}

impl<E: Kept> fmt::Debug for Table<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[inline]
fn index(key: u64) -> usize {
    (key >> 32) as usize % SHARDS
}

#[cfg(test)]
mod tests;
