//! Beside governor's own limiters, which keep their state themselves: each decision, and each wait to the nanosecond.

use std::num::NonZeroU32;
use std::time::Duration;

use buttress::{KeyedRateLimiter, Quota, RateLimiter, Rejected, RejectedKind};
use governor::clock::{Clock, FakeRelativeClock};
use governor::{InsufficientCapacity, NotUntil};
use proptest::prelude::*;

use crate::history::{Draw, histories, histories_of_each, replay};
use crate::world::World;

/// None if there is none, however long one waits.
type Decision = Result<(), Option<Duration>>;
type Theirs<T> = Result<Result<(), NotUntil<T>>, InsufficientCapacity>;

#[derive(Clone, Copy, Debug)]
enum Op {
    Admit(usize, NonZeroU32),
    /// In nanoseconds.
    Pass(u64),
}

const KEYS: usize = 4;

impl Op {
    fn of(mut draw: Draw) -> Self {
        let (kind, key) = (draw.below(10), draw.below(KEYS as u64) as usize);
        let any = 1 + draw.below(12) as u32;
        let most = draw.one_of(&[1, 1_000, 50_000_000, 2_000_000_000]);
        match kind {
            0..7 => Self::Admit(key, NonZeroU32::new(draw.one_of(&[1, 1, any])).expect("at least one")),
            _ => Self::Pass(draw.below(most + 1)),
        }
    }
}

fn quota(count: u32, burst: u32) -> (Quota, governor::Quota) {
    let nonzero = |number| NonZeroU32::new(number).expect("not zero");
    let theirs = governor::Quota::per_second(nonzero(count)).allow_burst(nonzero(burst));
    (Quota::per_second(count).burst(burst), theirs)
}

fn ours(result: Result<(), Rejected>) -> Decision {
    result.map_err(|rejected| match rejected.kind() {
        RejectedKind::RateLimited => rejected.retry_after(),
        kind => {
            assert_eq!(kind, RejectedKind::CostAboveBurst);
            None
        }
    })
}

fn theirs(clock: &FakeRelativeClock, result: Theirs<<FakeRelativeClock as Clock>::Instant>) -> Decision {
    match result {
        Ok(decision) => decision.map_err(|not_until| Some(not_until.wait_time_from(clock.now()))),
        Err(_insufficient) => Err(None),
    }
}

proptest! {
    #![proptest_config(histories_of_each(1_000))]

    #[test]
    fn one_limit_decides_as_governor_does(count in 1..2_000_u32, burst in 1..10_u32, history in histories()) {
        World::run(|world| {
            let (clock, (quota, governors)) = (FakeRelativeClock::default(), quota(count, burst));
            let limiter = RateLimiter::new(quota);
            let oracle = governor::RateLimiter::direct_with_clock(governors, clock.clone());
            replay(&history, Op::of, |op| {
                match op {
                    Op::Admit(_, cost) => {
                        let expected = theirs(&clock, oracle.check_n(cost));
                        prop_assert_eq!(ours(limiter.try_admit_n(cost.get())), expected);
                    }
                    Op::Pass(nanos) => {
                        world.advance(Duration::from_nanos(nanos));
                        clock.advance(Duration::from_nanos(nanos));
                    }
                }
                Ok(())
            })
        })?;
    }

    #[test]
    fn limits_by_key_decide_as_governor_does(count in 1..2_000_u32, burst in 1..10_u32, history in histories()) {
        World::run(|world| {
            let (clock, (quota, governors)) = (FakeRelativeClock::default(), quota(count, burst));
            let limiter = KeyedRateLimiter::new(quota);
            let oracle = governor::RateLimiter::hashmap_with_clock(governors, clock.clone());
            replay(&history, Op::of, |op| {
                match op {
                    Op::Admit(key, cost) => {
                        let expected = theirs(&clock, oracle.check_key_n(&key, cost));
                        prop_assert_eq!(ours(limiter.try_admit_n(&key, cost.get())), expected);
                    }
                    Op::Pass(nanos) => {
                        world.advance(Duration::from_nanos(nanos));
                        clock.advance(Duration::from_nanos(nanos));
                    }
                }
                Ok(())
            })
        })?;
    }
}
