//! The generic cell rate algorithm (ITU-T I.371, annex A), as governor decides it, over stores of ours.
//!
//! The state of one limit is one number, the theoretical arrival time: when the limit is as good as unused
//! again. Each cell moves it one interval further; a call is admitted while it is less than a burst ahead
//! of now. All times are nanoseconds since a fixed anchor, and zero stands for "never used".

mod bucket;
mod decide;
mod line;
#[cfg(buttress_loom)]
pub(crate) mod loom;
mod queue;
mod shard;
mod states;
mod table;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

use crate::units::{Instant, nanos};

use bucket::Bucket;
pub(crate) use decide::Refusal;
pub(crate) use line::{Entered, Line, Look, Spot};
use queue::{Place, Queue};
pub(crate) use table::Table;

/// How many cells come back how fast: a quota whose arithmetic fits. Kept as governor takes it, so that no
/// decision has to divide an interval into seconds and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(Quota);

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// This call's, from this instant on, which is not after now.
    Now { as_of: Instant },
    /// It will be this call's then.
    At(Instant),
}

/// Bounds that keep every sum of the algorithm, governor's included, within 64 bits: a clock reading, an
/// empty limit's refill and the cost of one call fit together. Two bits of a state stay free.
const LATEST_NOW: u64 = u64::MAX >> 3;
const LATEST_STATE: u64 = u64::MAX >> 2;

impl Rate {
    /// The longest time in which an empty limit may fill up: 36 years.
    pub(crate) const MAX_REFILL: u64 = 1 << 60;

    /// None if a part is zero, or the refill takes longer than [`MAX_REFILL`](Self::MAX_REFILL).
    pub(crate) fn new(interval: u64, burst: u32) -> Option<Self> {
        let refill = interval.checked_mul(u64::from(burst))?;
        let (burst, interval) = (NonZeroU32::new(burst)?, Duration::from_nanos(interval));
        (refill <= Self::MAX_REFILL).then_some(Self(Quota::with_period(interval)?.allow_burst(burst)))
    }

    /// The interval, seconds above nanoseconds, and the burst. Neither is zero.
    fn into_words(self) -> [u64; 2] {
        let interval = self.0.replenish_interval();
        [interval.as_secs() << 32 | u64::from(interval.subsec_nanos()), self.burst().into()]
    }

    /// Of two such words, not necessarily of the same rate.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the lower halves are what is wanted")]
    fn from_words([interval, burst]: [u64; 2]) -> Self {
        let [nanos, burst] = [interval, burst].map(|word| word as u32);
        const NO_ZERO: &str = "no part of a rate is zero";
        // Each by itself, or the compiler takes the way through memory.
        let quota = Quota::with_period(Duration::new(interval >> 32, nanos)).expect(NO_ZERO);
        Self(quota.allow_burst(NonZeroU32::new(burst).expect(NO_ZERO)))
    }

    pub(crate) fn burst(self) -> u32 {
        self.0.burst_size().get()
    }

    /// Nanoseconds until one cell comes back.
    fn interval(self) -> u64 {
        nanos(self.0.replenish_interval())
    }

    fn cells(self, count: u64) -> u64 {
        self.interval().saturating_mul(count)
    }

    /// The state once as many more cells are taken: what a newcomer finds behind those that wait.
    pub(crate) fn behind(self, state: u64, cells: u64) -> u64 {
        state.saturating_add(self.cells(cells))
    }

    /// When a call of this cost can be admitted.
    pub(crate) fn due(self, state: u64, cost: u32) -> Instant {
        let filled = self.behind(state, cost.into());
        Instant::from_nanos(filled.saturating_sub(self.cells(self.burst().into())))
    }

    /// Whether it is the turn of a call that waits since then, behind calls that want `ahead` cells.
    pub(crate) fn turn(self, state: u64, ahead: u64, since: Instant, now: Instant, cost: u32) -> Turn {
        let now = bounded(now);
        let due = self.due(self.behind(state, ahead), cost);
        if due > now {
            return Turn::At(due);
        }
        let oldest = Instant::from_nanos(now.as_nanos().saturating_sub(self.lateness()));
        Turn::Now { as_of: self.due(state, cost).max(since).max(oldest) }
    }

    /// Whether the turn of such a call came so long ago that it missed it.
    pub(crate) fn has_missed(self, state: u64, ahead: u64, now: Instant, cost: u32) -> bool {
        let due = self.due(self.behind(state, ahead), cost);
        now.as_nanos().saturating_sub(due.as_nanos()) >= self.lateness()
    }

    /// How late a waiter may wake and still be admitted as of its scheduled instant.
    ///
    /// Timers have a granularity of a millisecond and a busy runtime adds to it: without this, each wait
    /// would lower the rate by that much. Without a bound, a process that stalled for a minute would then
    /// send the calls of that minute all at once.
    fn lateness(self) -> u64 {
        const LATENESS: u64 = 50_000_000;
        self.interval().max(LATENESS)
    }

    /// The cells that are free.
    pub(crate) fn remaining(self, state: u64, now: Instant) -> u32 {
        let ahead = state.saturating_sub(now.as_nanos());
        let used = ahead.div_ceil(self.interval());
        self.burst().saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// The state under the rate `to` that has the same cells in use now, and the same share of the next
    /// one come back.
    fn convert(self, state: u64, now: Instant, to: Self) -> u64 {
        let now = now.as_nanos();
        let Some(ahead) = state.checked_sub(now) else { return state };
        let scaled = u128::from(ahead).saturating_mul(to.interval().into()).div_ceil(self.interval().into());
        now.saturating_add(u64::try_from(scaled).unwrap_or(u64::MAX)).min(LATEST_STATE)
    }
}

/// A late clock reading would overflow the sums behind it; after 73 years time stands still here.
fn bounded(now: Instant) -> Instant {
    now.min(Instant::from_nanos(LATEST_NOW))
}
