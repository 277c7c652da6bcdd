//! The permits, shared between threads.

use std::task::Waker;

use super::word::{Entry, PERMIT, Word};
use crate::algo::queue::{Place, Queue};
use crate::sync::{
    AtomicU64, Mutex,
    Ordering::{self, Acquire, Relaxed, Release},
    lock,
};

/// The word, and the wakers of those who wait.
///
/// Entering with room and leaving with nobody waiting are one atomic step on the word and take no lock.
/// The lock guards the queue; the number of waiters in the word changes only under it, so that under it
/// the two agree.
///
/// No wake-up is lost. A call waits only if the step that counts it as waiting saw no room. Whoever makes
/// room later sees that count in the same step, takes the lock, and calls the first in the queue; until
/// then nobody else takes the room, because nobody passes a waiter. Room made by a higher limit is handed
/// over by who raised it.
///
/// Orderings: steps that take a permit acquire and steps that give one back release, so that what the
/// former holder did is seen by the next one, as with a lock; also by who finds nothing in flight, and takes what was
/// counted outside for final. Steps that do neither are relaxed, and so are the settings: a call that meets a change
/// of the limit may be decided by either value, and under the lock everyone sees the latest.
#[derive(Debug)]
pub(crate) struct Permits {
    word: AtomicU64,
    limit: AtomicU64,
    queue_len: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// Without a waker until the one who waits was polled.
    queue: Queue<Option<Waker>>,
    /// What the word's tallies were when they were taken out of it.
    admitted: u64,
    cancelled: u64,
}

/// What became of a call that came in.
#[derive(Debug)]
pub(crate) enum Entered {
    Admitted,
    Waits(Place),
    Refused,
}

/// What one who leaves the queue takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    /// Had been called: the permit has to be given back.
    Permit,
}

/// All numbers as of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) in_flight: u64,
    pub(crate) waiting: u64,
    pub(crate) admitted: u64,
    pub(crate) cancelled: u64,
}

impl Permits {
    pub(crate) fn new(limit: u32, queue_len: u32) -> Self {
        Self {
            word: AtomicU64::new(Word::default().bits()),
            limit: AtomicU64::new(limit.into()),
            queue_len: AtomicU64::new(queue_len.into()),
            waiting: Mutex::new(Waiting { queue: Queue::new(), admitted: 0, cancelled: 0 }),
        }
    }

    /// As many, all of them free.
    pub(crate) fn fork(&self) -> Self {
        let copy = Self::new(0, 0);
        copy.limit.store(self.limit(), Relaxed);
        copy.queue_len.store(self.queue_len(), Relaxed);
        copy
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Relaxed)
    }

    pub(crate) fn queue_len(&self) -> u64 {
        self.queue_len.load(Relaxed)
    }

    #[cfg(any(test, feature = "http"))]
    pub(crate) fn in_flight(&self) -> u64 {
        self.load().in_flight()
    }

    /// Whether a call would not be admitted now.
    pub(crate) fn is_full(&self) -> bool {
        !self.load().is_open(self.limit())
    }

    /// Whether a call would neither be admitted now nor find a place in the queue.
    pub(crate) fn is_queue_full(&self) -> bool {
        self.load().enter(self.limit(), self.queue_len()) == Entry::Refuse
    }

    /// Takes a permit, if there is room and nobody waits for it.
    #[inline]
    pub(crate) fn try_enter(&self) -> bool {
        let mut word = self.load();
        loop {
            let Entry::Admit(next) = word.enter(self.limit(), 0) else {
                return false;
            };
            word = if word.is_tally_full() {
                self.take_tallies()
            } else {
                match self.step(word, next, Acquire) {
                    Ok(()) => return true,
                    Err(seen) => seen,
                }
            };
        }
    }

    /// Takes a permit, or a place in the queue.
    pub(crate) fn enter(&self) -> Entered {
        if self.try_enter() {
            return Entered::Admitted;
        }
        let mut waiting = lock(&self.waiting);
        let mut word = self.load();
        loop {
            let entry = word.enter(self.limit(), self.queue_len());
            let (Entry::Admit(next) | Entry::Wait(next)) = entry else {
                return Entered::Refused;
            };
            word = if word.is_tally_full() {
                self.take_tallies_locked(&mut waiting)
            } else {
                match self.step(word, next, Acquire) {
                    Ok(()) if matches!(entry, Entry::Admit(_)) => return Entered::Admitted,
                    Ok(()) => return Entered::Waits(waiting.queue.join(None)),
                    Err(seen) => seen,
                }
            };
        }
    }

    /// Gives a permit back: its call completed.
    #[inline]
    pub(crate) fn complete(&self) {
        // No field can overflow here, so one subtraction does it and no loop is needed.
        let before = Word::from_bits(self.word.fetch_sub(PERMIT, Release));
        if before.waiting() > 0 {
            self.call_next();
        }
    }

    /// Gives a permit back: its call was cancelled.
    pub(crate) fn cancel(&self) {
        let mut word = self.load();
        loop {
            word = if word.is_tally_full() {
                self.take_tallies()
            } else {
                match self.step(word, word.cancel(), Release) {
                    Ok(()) => break,
                    Err(seen) => seen,
                }
            };
        }
        if word.waiting() > 0 {
            self.call_next();
        }
    }

    /// Whether the one at this place was called. If so the place is left and the permit is held; if not,
    /// `waker` is woken then.
    pub(crate) fn poll(&self, place: &mut Option<Place>, waker: &Waker) -> bool {
        // A waker runs code of the executor when it is cloned, woken and dropped: none of it under the lock.
        let mut waker = Some(waker.clone());
        let mut waiting = lock(&self.waiting);
        let registered = place.as_ref().and_then(|place| waiting.queue.get_mut(place));
        let was_called = registered.is_none();
        match registered {
            Some(registered) => std::mem::swap(registered, &mut waker),
            None => drop(place.take().and_then(|place| waiting.queue.leave(place))),
        }
        drop(waiting);
        drop(waker);
        was_called
    }

    /// Gives up a place in the queue.
    #[must_use]
    pub(crate) fn leave_queue(&self, place: Place) -> Left {
        let mut waiting = lock(&self.waiting);
        let Some(waker) = waiting.queue.leave(place) else {
            return Left::Permit;
        };
        let mut word = self.load();
        while let Err(seen) = self.step(word, word.abandon(), Relaxed) {
            word = seen;
        }
        drop(waiting);
        drop(waker);
        Left::Nothing
    }

    /// Changes the limit. Calls in flight above a lower one go on.
    pub(crate) fn set_limit(&self, limit: u32) {
        self.put_limit(limit);
        self.hand_out();
    }

    /// Without admitting who waits: that is to be done afterwards.
    pub(crate) fn put_limit(&self, limit: u32) {
        self.limit.store(limit.into(), Relaxed);
    }

    /// Admits who waits, as far as there is room.
    pub(crate) fn hand_out(&self) {
        // Each round takes the lock anew, so that no waker is woken under it. A store before a lock is seen
        // by all who take the lock later.
        while self.call_next() {}
    }

    /// Changes how many may wait. Those who wait already keep their places.
    pub(crate) fn set_queue_len(&self, len: u32) {
        self.queue_len.store(len.into(), Relaxed);
    }

    /// Wakes all who wait, without calling them.
    pub(crate) fn wake_all(&self) {
        let wakers: Vec<Waker> = lock(&self.waiting).queue.iter_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn totals(&self) -> Totals {
        // Under the lock no tally is half taken.
        let waiting = lock(&self.waiting);
        let word = Word::from_bits(self.word.load(Acquire));
        Totals {
            in_flight: word.in_flight(),
            waiting: word.waiting(),
            admitted: waiting.admitted.saturating_add(word.admitted()),
            cancelled: waiting.cancelled.saturating_add(word.cancelled()),
        }
    }

    /// Hands a free permit to who has waited longest; whether there were both.
    #[cold]
    fn call_next(&self) -> bool {
        let mut waiting = lock(&self.waiting);
        let mut word = self.load();
        loop {
            let Some(next) = word.hand_over(self.limit()) else {
                return false;
            };
            word = if word.is_tally_full() {
                self.take_tallies_locked(&mut waiting)
            } else {
                match self.step(word, next, Acquire) {
                    Ok(()) => break,
                    Err(seen) => seen,
                }
            };
        }
        let waker = waiting.queue.call_first().flatten();
        drop(waiting);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Moves full tallies from the word to where there is more room for them: one lock in many thousand
    /// calls.
    #[cold]
    fn take_tallies(&self) -> Word {
        self.take_tallies_locked(&mut lock(&self.waiting))
    }

    fn take_tallies_locked(&self, waiting: &mut Waiting) -> Word {
        let mut word = self.load();
        // Somebody else may have been faster.
        while word.is_tally_full() {
            match self.step(word, word.without_tallies(), Relaxed) {
                Ok(()) => {
                    waiting.admitted = waiting.admitted.saturating_add(word.admitted());
                    waiting.cancelled = waiting.cancelled.saturating_add(word.cancelled());
                    return word.without_tallies();
                }
                Err(seen) => word = seen,
            }
        }
        word
    }

    fn load(&self) -> Word {
        Word::from_bits(self.word.load(Relaxed))
    }

    /// Replaces the word if it is still the same, else tells what it is.
    fn step(&self, from: Word, to: Word, success: Ordering) -> Result<(), Word> {
        self.word
            .compare_exchange_weak(from.bits(), to.bits(), success, Relaxed)
            .map(drop)
            .map_err(Word::from_bits)
    }
}

#[cfg(test)]
mod tests;
