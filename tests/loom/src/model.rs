//! What models are made of.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use loom::thread::{JoinHandle, Thread};

/// A few threads on one shell, and what holds whatever happens.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    /// That run at once. With two of them, everything that can happen is looked at.
    pub(crate) threads: usize,
    /// Panics if it does not hold.
    pub(crate) check: fn(),
    pub(crate) twins: &'static [Twin],
}

/// The same model with a bug.
#[derive(Debug)]
pub(crate) struct Twin {
    pub(crate) bug: &'static str,
    /// Words of the panic.
    pub(crate) fails_with: &'static str,
}

/// The bug that is awake in this process.
static AWAKE: AtomicUsize = AtomicUsize::new(usize::MAX);

pub(crate) fn wake_bug(number: usize) {
    AWAKE.store(number, Relaxed);
}

pub(crate) fn is_awake(number: usize) -> bool {
    AWAKE.load(Relaxed) == number
}

/// What the threads of a model share. Not an `Arc` of the checker's, which would make each model a model of reference
/// counts too.
pub(crate) type Shared<T> = Arc<T>;

/// That a model has, the first one included.
pub(crate) const MOST_THREADS: usize = 3;

/// The spawned ones of this execution.
static SPAWNED: AtomicUsize = AtomicUsize::new(0);

/// Of these, how many run now, and how many did at once.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST_LIVE: AtomicUsize = AtomicUsize::new(0);

loom::thread_local! {
    static THREAD: Cell<usize> = Cell::new(0);
}

/// The number of this thread.
pub(crate) fn thread() -> usize {
    THREAD.with(Cell::get)
}

/// An execution begins.
pub(crate) fn begin() {
    for count in [&SPAWNED, &LIVE, &MOST_LIVE] {
        count.store(0, Relaxed);
    }
    // Only threads that a model gives a slot have one.
    crate::stripe::sit(usize::MAX - 1);
}

/// How many threads of this execution ran at once, the first one included.
pub(crate) fn most_at_once() -> usize {
    MOST_LIVE.load(Relaxed) + 1
}

/// A thread that has this [slot](crate::stripe::slot).
pub(crate) fn spawn<T: 'static, R: 'static>(
    slot: usize,
    shared: &Shared<T>,
    act: impl FnOnce(&T) -> R + 'static,
) -> JoinHandle<R> {
    let shared = Arc::clone(shared);
    let number = SPAWNED.fetch_add(1, Relaxed) + 1;
    assert!(number < MOST_THREADS, "too many threads");
    MOST_LIVE.fetch_max(LIVE.fetch_add(1, Relaxed) + 1, Relaxed);
    loom::thread::spawn(move || {
        THREAD.with(|thread| thread.set(number));
        crate::stripe::sit(slot);
        act(&shared)
    })
}

pub(crate) fn join<R>(thread: JoinHandle<R>) -> R {
    let out = thread.join().expect("a panic ends the process");
    LIVE.fetch_sub(1, Relaxed);
    out
}

/// Polls until it is ready, and in between sleeps until it is woken. Who is never woken makes a deadlock, which the
/// checker finds.
pub(crate) fn wait_for<R>(mut poll: impl FnMut(&Waker) -> Option<R>) -> R {
    struct Sleeper(Thread);
    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Sleeper(loom::thread::current())));
    loop {
        match poll(&waker) {
            Some(ready) => return ready,
            None => loom::thread::park(),
        }
    }
}

/// An atomic update, or one that another thread may come between.
pub(crate) fn in_steps(
    word: &crate::sync::AtomicU64,
    is_buggy: bool,
    set: crate::sync::Ordering,
    fetch: crate::sync::Ordering,
    mut update: impl FnMut(u64) -> Option<u64>,
) -> Result<u64, u64> {
    if !is_buggy {
        return word.fetch_update(set, fetch, update);
    }
    let before = word.load(fetch);
    let after = update(before).ok_or(before)?;
    word.store(after, set);
    Ok(before)
}

/// What happened, in the order in which it did. The checker does not see it.
#[derive(Debug)]
pub(crate) struct Log<T>(Mutex<Vec<T>>);

impl<T: Clone> Log<T> {
    pub(crate) fn new() -> Shared<Self> {
        Shared::new(Self(Mutex::default()))
    }

    pub(crate) fn push(&self, entry: T) {
        self.0.lock().expect("nobody panics under it").push(entry);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().expect("nobody panics under it").clone()
    }
}
