//! Beside tower's `RateLimit`. It counts calls in periods that begin with a call, ours gives cells back one by one: that
//! is the same for one call per period, and for bursts with a period between them.

use std::convert::Infallible;
use std::task::{Context, Waker};

use buttress::{CallError, Quota, RateLimitLayer, RateLimiter};
use proptest::prelude::*;
use tower::limit::RateLimitLayer as TowersLayer;
use tower::{Layer, Service, service_fn};

use crate::history::{Draw, histories, histories_of_each, ms, replay};
use crate::world::{Task, World};

async fn answer((): ()) -> Result<(), CallError<Infallible>> {
    Ok(())
}

proptest! {
    #![proptest_config(histories_of_each(1_000))]

    #[test]
    fn one_call_per_period_passes_when_towers_limit_lets_it(period in 1..500_u64, history in histories()) {
        World::run(|mut world| {
            let ours = RateLimitLayer::new(Quota::every(ms(period))).wait(ms(60_000));
            let ours = ours.layer(service_fn(answer));
            let mut theirs = TowersLayer::new(1, ms(period)).layer(service_fn(answer));
            let mut due = 0_u64;
            replay(&history, |mut draw: Draw| draw.millis(&[1, 500, 1_000]), |pause| {
                world.pass(pause);
                let mut call = Task::new(ours.clone().oneshot(()));
                // At once, at the last moment before it is due, and at that very moment.
                for wait in [0, due.saturating_sub(world.now + 1), 1] {
                    world.pass(wait.min(due.saturating_sub(world.now)));
                    let is_ready = theirs.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
                    prop_assert_eq!((call.poll().is_ready(), is_ready), (world.now >= due, world.now >= due));
                    if is_ready {
                        break;
                    }
                }
                drop(theirs.call(()));
                due = world.now + period;
                Ok(())
            })
        })?;
    }

    #[test]
    fn bursts_with_a_period_between_them_pass_as_far_as_towers_limit_lets_them(
        count in 1..20_u32,
        history in histories(),
    ) {
        World::run(|mut world| {
            let ours = RateLimiter::new(Quota::per_second(count));
            let mut theirs = TowersLayer::new(count.into(), ms(1_000)).layer(service_fn(answer));
            replay(&history, |mut draw: Draw| (draw.millis(&[1, 3_000]), draw.below(30)), |(pause, calls)| {
                world.pass(1_000 + pause);
                for _ in 0..calls {
                    let is_ready = theirs.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
                    prop_assert_eq!(ours.try_admit().is_ok(), is_ready);
                    if is_ready {
                        drop(theirs.call(()));
                    }
                }
                Ok(())
            })
        })?;
    }
}
