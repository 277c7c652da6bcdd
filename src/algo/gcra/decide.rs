//! governor's decision, with the time and the state as arguments.

use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

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

/// Takes the cells from the store if they are free at `now`.
///
/// The limiter lives for one decision: that puts quota, clock and state into our hands, and what is left
/// of it after inlining is the arithmetic.
pub(super) fn decide<S>(rate: Rate, store: S, now: Instant, cost: NonZeroU32) -> Result<(), Refusal>
where
    S: StateStore<Key = NotKeyed>,
{
    // governor computes with the cost before it compares it with the burst, and that may overflow.
    let (true, Some(quota)) = (cost.get() <= rate.burst, quota(rate)) else {
        return Err(Refusal::AboveBurst);
    };
    let clock = Fixed(Point(bounded(now).as_nanos()));
    match RateLimiter::<_, _, _, NoOpMiddleware<Point>>::new(quota, store, clock).check_n(cost) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(not_until)) => Err(Refusal::Until(Instant::from_nanos(not_until.earliest_possible().0))),
        Err(_insufficient) => Err(Refusal::AboveBurst),
    }
}

/// Never none: both parts of a rate are above zero.
fn quota(rate: Rate) -> Option<Quota> {
    let burst = NonZeroU32::new(rate.burst)?;
    Some(Quota::with_period(Duration::from_nanos(rate.interval))?.allow_burst(burst))
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
