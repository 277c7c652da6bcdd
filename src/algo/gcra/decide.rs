//! governor's decision, with the time and the state as arguments.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::ops::Add;

use governor::RateLimiter;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};

use super::{Rate, bounded};
use crate::units::Instant;

/// Why a call gets no cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are too few now; from this instant on there are enough, if nobody else takes them.
    Until(Instant),
    /// There never are that many.
    AboveBurst,
}

/// The state after the cells are taken, if they are free at `now`.
///
/// The limiter lives for one decision: that puts quota, clock and state into our hands, and what is left
/// of it after inlining is the arithmetic.
#[inline]
pub(super) fn decide(rate: Rate, state: u64, now: Instant, cost: NonZeroU32) -> Result<u64, Refusal> {
    // governor computes with the cost before it compares it with the burst, and that may overflow.
    if cost > rate.0.burst_size() {
        return Err(Refusal::AboveBurst);
    }
    let clock = Fixed(Point(bounded(now).as_nanos()));
    let limiter = RateLimiter::<_, _, _, NoOpMiddleware<Point>>::new(rate.0, Store(Cell::new(state)), clock);
    match limiter.check_n(cost).map_err(|_insufficient| Refusal::AboveBurst)? {
        Ok(()) => Ok(limiter.into_state_store().0.get()),
        Err(not_until) => Err(Refusal::Until(Instant::from_nanos(not_until.earliest_possible().0))),
    }
}

/// The state of one decision.
struct Store(Cell<u64>);

impl StateStore for Store {
    type Key = NotKeyed;

    #[inline]
    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, next) = decide(Some(Nanos::new(self.0.get())))?;
        self.0.set(next.as_u64());
        Ok(outcome)
    }
}

/// An instant in governor's terms.
///
/// governor measures from the reading that it took when the limiter was made. Ours are made anew for each
/// decision, so distances are those from the fixed anchor, whatever the other side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point(u64);

impl Add<Nanos> for Point {
    type Output = Self;

    fn add(self, since_anchor: Nanos) -> Self {
        Self(since_anchor.as_u64())
    }
}

impl Reference for Point {
    fn duration_since(&self, _anchor: Self) -> Nanos {
        Nanos::new(self.0)
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

/// The one reading that a decision is made with.
struct Fixed(Point);

impl Clock for Fixed {
    type Instant = Point;

    fn now(&self) -> Point {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_from_the_anchor() {
        let (early, late) = (Point(30), Point(70));
        assert_eq!(late.duration_since(early), Nanos::new(70));
        assert_eq!(early + Nanos::new(5), Point(5), "since the anchor, not since the point");
        assert_eq!(late.saturating_sub(Nanos::new(50)), Point(20));
        assert_eq!(early.saturating_sub(Nanos::new(50)), Point(0));
        assert_eq!(Fixed(late).now(), late);
    }
}
