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

/// A key of this shard.
fn of_shard(shard: u64) -> u64 {
    shard << 32 | 5
}

#[test]
fn keys_are_spread_over_the_shards() {
    let spread: Vec<usize> = (0..SHARDS as u64 + 2).map(|shard| index(of_shard(shard))).collect();
    assert_eq!(spread, (0..SHARDS).chain([0, 1]).collect::<Vec<_>>());
}

#[test]
fn one_that_can_go_is_found_in_whichever_shard_it_is() {
    for idle in 0..SHARDS as u64 {
        let table = Table::<Engine>::new();
        for shard in 0..SHARDS as u64 {
            find(&table, of_shard(shard), NOW, SHARDS as u64).unwrap().is_busy.store(shard != idle, SeqCst);
        }
        for new in 0..3 {
            find(&table, new, NOW, SHARDS as u64).unwrap();
        }
        assert!(table.with(of_shard(idle), |_| ()).is_none(), "{idle}");
        assert_eq!(table.len(), SHARDS as u64);
    }
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
