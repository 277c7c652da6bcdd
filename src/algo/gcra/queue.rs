//! Who waits for cells, in which order.

use std::collections::VecDeque;
use std::task::Waker;

/// Waiters in the order in which they came, each with the cells it wants.
///
/// Wakers come and leave by value: this stands under a lock, and to clone or drop one may run code of others.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiters: VecDeque<Waiter>,
    next: u64,
    /// The cells that all of them want, but for those that missed their turn.
    cells: u64,
}

/// The place of one waiter: a number that is never given out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

#[derive(Debug)]
struct Waiter {
    place: Place,
    cost: u32,
    waker: Option<Waker>,
    /// It missed its turn, and wants nothing until it shows up.
    is_absent: bool,
}

impl Waiter {
    fn wants(&self) -> u64 {
        if self.is_absent { 0 } else { self.cost.into() }
    }
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// The cells that a newcomer finds ahead of it.
    pub(crate) fn cells(&self) -> u64 {
        self.cells
    }

    pub(crate) fn push(&mut self, cost: u32) -> Place {
        let place = Place(self.next);
        self.next = self.next.wrapping_add(1);
        self.cells = self.cells.saturating_add(cost.into());
        self.waiters.push_back(Waiter { place, cost, waker: None, is_absent: false });
        place
    }

    pub(crate) fn is_first(&self, place: Place) -> bool {
        self.waiters.iter().find(|waiter| !waiter.is_absent).is_some_and(|first| first.place == place)
    }

    /// The cells that those ahead of this waiter want. Takes time in proportion to their number; a waiter
    /// whose turn comes as it was foretold finds nobody ahead.
    pub(crate) fn ahead_of(&self, place: Place) -> u64 {
        self.waiters.iter().take_while(|waiter| waiter.place < place).map(Waiter::wants).sum()
    }

    /// This waiter shows up. Those ahead of it that missed their turn, given what they find ahead and what
    /// they want, no longer count: futures that nobody polls must not hold up the others.
    pub(crate) fn show_up(&mut self, place: Place, mut has_missed: impl FnMut(u64, u32) -> bool) {
        let mut ahead = 0_u64;
        for waiter in self.waiters.iter_mut().take_while(|waiter| waiter.place < place) {
            if waiter.is_absent {
                continue;
            }
            if !has_missed(ahead, waiter.cost) {
                break;
            }
            waiter.is_absent = true;
            ahead = ahead.saturating_add(waiter.cost.into());
        }
        self.cells = self.cells.saturating_sub(ahead);
        let Some(index) = self.index(place) else { return };
        if let Some(waiter) = self.waiters.get_mut(index).filter(|waiter| waiter.is_absent) {
            waiter.is_absent = false;
            self.cells = self.cells.saturating_add(waiter.cost.into());
        }
    }

    /// Whom to wake when the turn of this waiter comes. Returns whom it named before.
    pub(crate) fn set_waker(&mut self, place: Place, waker: Waker) -> Option<Waker> {
        match self.index(place).and_then(|index| self.waiters.get_mut(index)) {
            Some(waiter) => waiter.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// The waiter leaves. Returns its waker, and whoever became the first by that.
    pub(crate) fn remove(&mut self, place: Place) -> [Option<Waker>; 2] {
        let was_first = self.is_first(place);
        let gone = self.index(place).and_then(|index| self.waiters.remove(index));
        self.cells = self.cells.saturating_sub(gone.as_ref().map_or(0, Waiter::wants));
        let first = if was_first { self.take_first() } else { None };
        [gone.and_then(|gone| gone.waker), first]
    }

    /// All who wait and were polled. Each names whom to wake once more when it looks.
    pub(crate) fn take_wakers(&mut self) -> Vec<Waker> {
        self.waiters.iter_mut().filter_map(|waiter| waiter.waker.take()).collect()
    }

    /// Whom to wake so that the first waiter looks again.
    fn take_first(&mut self) -> Option<Waker> {
        self.waiters.iter_mut().find(|waiter| !waiter.is_absent)?.waker.take()
    }

    fn index(&self, place: Place) -> Option<usize> {
        self.waiters.binary_search_by_key(&place, |waiter| waiter.place).ok()
    }
}
