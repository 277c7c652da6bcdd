//! Beside tower's `Timeout`, whose time runs from the call: calls that are polled at once, and later whenever.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress::TimeoutLayer;
use proptest::prelude::*;
use tower::timeout::Timeout;
use tower::{BoxError, Layer, Service, service_fn};

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Task, World};

#[derive(Clone, Copy, Debug)]
enum Op {
    /// When the answer comes, if it does.
    Call(Option<u64>),
    Poll(Index),
    Pass(u64),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(10) {
            0..3 => {
                let after = draw.millis(&[0, 100, 100, 300]);
                Self::Call(draw.one_of(&[Some(after), Some(after), None]))
            }
            3..7 => Self::Poll(draw.index()),
            _ => Self::Pass(draw.millis(&[1, 20, 100])),
        }
    }
}

async fn answer(after: Option<u64>) -> Result<u64, BoxError> {
    match after {
        Some(0) => {}
        Some(millis) => tokio::time::sleep(ms(millis)).await,
        None => std::future::pending().await,
    }
    Ok(after.unwrap_or_default())
}

/// The answer; none if it took too long.
fn call<S>(service: &mut S, after: Option<u64>) -> Task<Option<u64>>
where
    S: Service<Option<u64>, Response = u64, Future: 'static>,
{
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
    let answer = service.call(after);
    Task::new(async move { answer.await.ok() })
}

proptest! {
    #![proptest_config(histories_of_each(1_000))]

    #[test]
    fn calls_end_at_the_same_poll_with_the_same_result(limit in 1..200_u64, history in histories()) {
        World::run(|mut world| {
            let mut ours = TimeoutLayer::new(ms(limit)).layer(service_fn(answer));
            let mut theirs = Timeout::new(service_fn(answer), Duration::from_millis(limit));
            let mut calls: Vec<[Task<Option<u64>>; 2]> = Vec::new();
            replay(&history, Op::of, |op| {
                let both = match op {
                    Op::Call(after) => Some([call(&mut ours, after), call(&mut theirs, after)]),
                    Op::Poll(index) => index.take(&mut calls),
                    Op::Pass(millis) => {
                        world.pass(millis);
                        None
                    }
                };
                if let Some(mut both) = both {
                    let [ours, theirs] = both.each_mut().map(Task::poll);
                    prop_assert_eq!(ours, theirs);
                    if ours == Poll::Pending {
                        calls.push(both);
                    }
                }
                for [ours, theirs] in &calls {
                    prop_assert_eq!(ours.is_woken(), theirs.is_woken());
                }
                Ok(())
            })
        })?;
    }
}
