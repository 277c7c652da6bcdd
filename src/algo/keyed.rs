//! Engines by key, a bounded number of them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::time::Duration;

use crate::sync::{Arc, AtomicU64, Mutex, Ordering::Relaxed, lock};
use crate::units::Instant;

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
            let mut shard = lock(&self.shards[turn.shard % SHARDS]);
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
mod tests {
    use std::cell::Cell;
    use std::thread;

    use super::*;
    use crate::sync::{AtomicBool, Ordering::SeqCst};

    #[derive(Default)]
    struct Engine {
        is_busy: AtomicBool,
        calls: AtomicU64,
    }

    impl Kept for Engine {
        type Totals = u64;

        fn is_idle(&mut self, _: Instant) -> bool {
            !self.is_busy.load(SeqCst)
        }

        fn retire(&self, into: &mut u64) {
            *into += self.calls.load(SeqCst);
        }
    }

    const NOW: Instant = Instant::from_nanos(0);

    fn find(table: &Table<Engine>, key: u64, now: Instant, max_keys: u64) -> Option<Arc<Engine>> {
        let make = || table.find_or_make(key, now, max_keys, || (), |()| Engine::default());
        table.with(key, Arc::clone).or_else(make)
    }

    fn calls(table: &Table<Engine>) -> u64 {
        let (here, gone) = (Cell::new(0), Cell::new(0));
        table.look(
            |engine| here.set(here.get() + engine.calls.load(SeqCst)),
            |count| gone.set(gone.get() + count),
        );
        here.get() + gone.get()
    }

    #[test]
    fn only_who_is_idle_and_in_nobodys_hands_goes() {
        let table = Table::<Engine>::new();
        let later = NOW.saturating_add(PAUSE);
        let find = |key, now| find(&table, key, now, 4);
        for key in 0..4_u64 {
            find(key * 7, NOW).unwrap().is_busy.store(key != 2, SeqCst);
        }
        let held = find(14, NOW).unwrap();
        assert!(find(100, NOW).is_none(), "three are busy, and one is in hand");
        drop(held);
        find(100, later).unwrap().is_busy.store(true, SeqCst);
        assert!(table.with(14, |_| ()).is_none());
        assert!([0, 7, 21, 100].iter().all(|key| table.with(*key, |_| ()).is_some()));
        assert!(find(101, later).is_none());
        assert_eq!(table.len(), 4);
    }

    #[test]
    fn with_fewer_places_more_go() {
        let table = Table::<Engine>::new();
        for key in 0..100 {
            find(&table, key, NOW, 100).unwrap();
        }
        assert!(find(&table, 100, NOW, 10).is_some());
        assert_eq!((table.len(), table.change(|all| all.len())), (10, 10));
    }

    #[test]
    fn a_new_key_looks_at_so_many_and_the_next_goes_on_from_there() {
        let table = Table::<Engine>::new();
        let most = LOOKS as u64 + 1;
        for key in 0..most {
            find(&table, key, NOW, most).unwrap().is_busy.store(key < most - 1, SeqCst);
        }
        let later = NOW.saturating_add(PAUSE);
        assert_eq!([NOW, later].map(|now| find(&table, 1_000, now, most).is_some()), [false, true]);
        assert_eq!(format!("{table:?}"), "Table { len: 65, .. }");
    }

    #[test]
    fn a_flood_of_new_keys_looks_for_a_place_once_in_a_while() {
        let table = Table::<Engine>::new();
        let busy = find(&table, 0, NOW, 1).unwrap();
        let prepared = Cell::new(0);
        let knock = |key, nanos, max_keys| {
            let prepare = || prepared.set(prepared.get() + 1);
            let now = Instant::from_nanos(nanos);
            table.find_or_make(key, now, max_keys, prepare, |()| Engine::default()).is_some()
        };
        assert!((1..1_000).all(|key| !knock(key, 999_999, 1)));
        assert_eq!(prepared.get(), 1);
        assert!(!knock(1_000, 1_999_998, 1));
        assert_eq!(prepared.get(), 1);
        drop(busy);
        assert!(knock(1_000, 1_999_999, 1));
        let _busy = table.with(1_000, Arc::clone);
        assert!(!knock(1, 3_000_000, 1) && knock(1, 3_000_000, 2), "with more places there is room at once");
    }

    /// A look saw a key that went, and in a later shard the one that took its place.
    #[test]
    fn nobody_comes_or_goes_while_somebody_looks() {
        let table = Table::<Engine>::new();
        let _engine = find(&table, 7, NOW, 1);
        let look = Cell::new(0);
        table.look(
            |_| {
                assert!(table.door.try_lock().is_err());
                look.set(look.get() + 1);
            },
            |_| (),
        );
        assert_eq!((look.get(), table.change(|all| all.len())), (1, 1));
    }

    #[test]
    fn the_worst_are_those_that_rank_highest_in_order() {
        let mut worst = Worst::new(3);
        let engines: Vec<_> = (0..6_u32).map(Arc::new).collect();
        for (rank, engine) in [5, 9, 1, 9, 7, 2].into_iter().zip(&engines) {
            worst.look(rank, engine);
        }
        assert_eq!(worst.into_iter().map(|engine| *engine).collect::<Vec<_>>(), [1, 3, 4]);
        assert!(engines.iter().all(|engine| Arc::strong_count(engine) == 1));
    }

    #[test]
    fn threads_meet_the_same_engine_and_no_call_is_lost() {
        const EACH: u64 = 20_000;
        let table = Table::<Engine>::new();
        thread::scope(|scope| {
            for thread in 0..3_u64 {
                let table = &table;
                scope.spawn(move || {
                    for call in 0..EACH {
                        let key = (call * (thread + 1)) % 50;
                        let engine = find(table, key, NOW, 20).unwrap();
                        engine.calls.fetch_add(1, SeqCst);
                        table.with(key, |same| assert!(Arc::ptr_eq(same, &engine))).unwrap();
                        assert!(table.len() <= 20);
                    }
                });
            }
        });
        assert_eq!(calls(&table), 3 * EACH);
    }
}
