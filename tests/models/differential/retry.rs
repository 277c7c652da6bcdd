//! Beside tower's `Retry` with the same number of attempts and the same constant pause, without a budget.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use buttress::{Backoff, CallError, Jitter, RetryLayer, RetryPolicy};
use proptest::prelude::*;
use tower::retry::{Policy, Retry};
use tower::{Layer, Service, service_fn};

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Task, World};

const PAUSE: u64 = 3;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// How long each attempt takes, and how many fail before one succeeds.
    Call(u64, u32),
    Poll(Index),
    Drop(Index),
    Pass(u64),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(10) {
            0..3 => Self::Call(draw.millis(&[0, 20]), draw.below(6) as u32),
            3..7 => Self::Poll(draw.index()),
            7 => Self::Drop(draw.index()),
            _ => Self::Pass(draw.millis(&[1, 10, 40])),
        }
    }
}

#[derive(Clone)]
struct Upto(u32);

impl<Req: Clone> Policy<Req, u32, CallError<u32>> for Upto {
    type Future = tokio::time::Sleep;

    fn retry(&mut self, _: &mut Req, result: &mut Result<u32, CallError<u32>>) -> Option<Self::Future> {
        self.0 -= 1;
        (result.is_err() && self.0 > 0).then(|| tokio::time::sleep(ms(PAUSE)))
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

/// Number, duration and failures of a call; and each attempt, with the time at which it was sent.
type Request = (usize, u64, u32);
type Log = Rc<RefCell<Vec<(usize, std::time::Duration)>>>;

fn inner(log: Log) -> impl Service<Request, Response = u32, Error = CallError<u32>, Future: 'static> + Clone {
    let start = tokio::time::Instant::now();
    service_fn(move |(number, takes, failures): Request| {
        log.borrow_mut().push((number, start.elapsed()));
        let sent = log.borrow().iter().filter(|(other, _)| *other == number).count() as u32;
        async move {
            if takes > 0 {
                tokio::time::sleep(ms(takes)).await;
            }
            if sent > failures { Ok(sent) } else { Err(CallError::Inner(sent)) }
        }
    })
}

fn call<S>(service: &mut S, request: Request) -> Task<Result<u32, CallError<u32>>>
where
    S: Service<Request, Response = u32, Error = CallError<u32>, Future: 'static>,
{
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
    Task::new(service.call(request))
}

proptest! {
    #![proptest_config(histories_of_each(1_000))]

    #[test]
    fn the_same_attempts_at_the_same_times_with_the_same_result(attempts in 1..5_u32, history in histories()) {
        World::run(|mut world| {
            let logs = [Log::default(), Log::default()];
            let policy = RetryPolicy::default()
                .max_attempts(attempts)
                .backoff(Backoff::constant(ms(PAUSE)))
                .jitter(Jitter::None)
                .budget(None);
            let layer = RetryLayer::new(policy);
            let mut ours = layer.layer(inner(Rc::clone(&logs[0])));
            let mut theirs = Retry::new(Upto(attempts), inner(Rc::clone(&logs[1])));
            let (mut calls, mut number) = (Vec::new(), 0);
            replay(&history, Op::of, |op| {
                let both = match op {
                    Op::Call(takes, failures) => {
                        number += 1;
                        let request = (number, takes, failures);
                        Some([call(&mut ours, request), call(&mut theirs, request)])
                    }
                    Op::Poll(index) => index.take(&mut calls),
                    Op::Drop(index) => {
                        drop(index.take(&mut calls));
                        None
                    }
                    Op::Pass(millis) => {
                        world.pass(millis);
                        None
                    }
                };
                if let Some(mut both) = both {
                    let [ours, theirs] = both.each_mut().map(Task::poll);
                    prop_assert_eq!(&ours, &theirs);
                    if ours == Poll::Pending {
                        calls.push(both);
                    }
                }
                prop_assert_eq!(&*logs[0].borrow(), &*logs[1].borrow());
                prop_assert_eq!(layer.retry().snapshot().attempts, logs[0].borrow().len() as u64);
                Ok(())
            })
        })?;
    }
}
