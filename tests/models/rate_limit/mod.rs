//! The rate limits beside their models: one limit with calls that are rejected and calls that wait, and limits by key.

mod bucket;
mod keyed;
mod model;

use std::future::ready;
use std::task::{Context, Waker};

use buttress::deadline::{Deadline, scope};
use buttress::{Quota, RateLimitLayer, RateLimiter, Rejected, RejectedKind};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tower::{Layer, Service, service_fn};

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Switch, Task, World};
use bucket::{Lack, QUOTAS, told};
use model::{Counts, Model};

#[derive(Clone, Copy, Debug)]
enum Op {
    Admit(u32),
    /// Waits if it has to, for the caller's deadline if there is one.
    Acquire(u32, Option<u64>),
    /// Enters the line, and nobody polls it yet.
    Enter(u32),
    /// Looks again, asked for or not.
    Poll(Index),
    GiveUp(Index),
    Pass(u64),
    /// Nobody looks meanwhile, however late it gets.
    Stall(u64),
    Quota(Quota),
    MaxWait(u64),
    Switch(Switch),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        let kind = draw.below(100);
        let any = draw.below(8) as u32;
        let cost = draw.one_of(&[1, 1, 1, any]);
        match kind {
            0..25 => Self::Admit(cost),
            25..50 => {
                let deadline = draw.millis(&[0, 500, 500]);
                Self::Acquire(cost, draw.one_of(&[None, None, None, Some(deadline)]))
            }
            50..56 => Self::Enter(cost),
            56..60 => Self::Poll(draw.index()),
            60..66 => Self::GiveUp(draw.index()),
            66..85 => Self::Pass(draw.millis(&[1, 100, 300, 2_000])),
            85..89 => Self::Stall(draw.millis(&[40, 100, 1_000])),
            89..94 => Self::Quota(draw.one_of(&QUOTAS)),
            94..97 => Self::MaxWait(1 + draw.millis(&[100, 3_000])),
            _ => Self::Switch(Switch::draw(&mut draw)),
        }
    }
}

struct Pair {
    world: World,
    limiter: RateLimiter,
    model: Model,
    /// Enters through a layer, whose calls take their place before they are polled.
    enter: Box<dyn Fn(u32) -> Task<Result<(), Rejected>>>,
    /// Each with its number in the model, in the order of arrival.
    waiting: Vec<(usize, Task<Result<(), Rejected>>)>,
}

impl Pair {
    fn new(world: World, quota: Quota) -> Self {
        let (limiter, model) = (RateLimiter::new(quota), Model::new(quota));
        let layer =
            RateLimitLayer::from_limiter(limiter.clone()).wait(ms(model.max_wait)).cost(|cost: &u32| *cost);
        let service = layer.layer(service_fn(|_| ready(Ok(()))));
        let enter = Box::new(move |cost| {
            let mut service = service.clone();
            let is_ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
            assert!(is_ready.is_ready());
            Task::new(service.call(cost))
        });
        Self { world, limiter, model, enter, waiting: Vec::new() }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        let now = self.world.now;
        match op {
            Op::Admit(cost) => {
                let ours = self.limiter.try_admit_n(cost).map_err(lack);
                prop_assert_eq!(ours, self.model.admit(cost, now));
            }
            Op::Acquire(cost, deadline) => {
                let limiter = self.limiter.clone();
                let by = deadline.map(|millis| Deadline::after(ms(millis)));
                let mut task = Task::new(scope(by, async move { limiter.acquire_n(cost).await }));
                let (number, expected) = self.model.acquire(cost, deadline.map(|millis| now + millis), now);
                prop_assert_eq!(task.poll().map_err(lack), expected, "call {}", number);
                if expected.is_pending() {
                    self.waiting.push((number, task));
                }
            }
            Op::Enter(cost) => {
                let mut task = (self.enter)(cost);
                let (number, expected) = self.model.acquire(cost, None, now);
                if expected.is_pending() {
                    self.model.neglect(number);
                    self.waiting.push((number, task));
                } else {
                    prop_assert_eq!(task.poll().map_err(lack), expected, "call {}", number);
                }
            }
            Op::Poll(index) => {
                if let Some(at) = index.of(self.waiting.len()) {
                    self.look(at)?;
                }
            }
            Op::GiveUp(index) => {
                if let Some((number, task)) = index.take(&mut self.waiting) {
                    drop(task);
                    self.model.give_up(number);
                }
            }
            Op::Pass(millis) => self.pass(millis)?,
            Op::Stall(millis) => self.world.pass(millis),
            Op::Quota(quota) => {
                self.limiter.set_quota(quota).unwrap();
                self.model.set_quota(quota, now);
            }
            Op::MaxWait(millis) => {
                self.limiter.set_max_wait(ms(millis)).unwrap();
                self.model.max_wait = millis;
            }
            Op::Switch(switch) => {
                self.model.switched = switch.carry_out(self.limiter.clone(), now);
                self.model.wake_all();
            }
        }
        self.settle()?;
        self.compare()
    }

    /// Everybody who waits looks at the very millisecond that the timer says.
    fn pass(&mut self, millis: u64) -> TestCaseResult {
        let end = self.world.now + millis;
        while self.world.now < end {
            let next = self.model.next_look().clamp(self.world.now + 1, end);
            self.world.pass(next - self.world.now);
            self.settle()?;
        }
        Ok(())
    }

    /// Those who were woken look again, in the order of arrival, until nobody has to.
    fn settle(&mut self) -> TestCaseResult {
        while let Some(number) = self.model.who_looks(self.world.now) {
            let at = self.waiting.partition_point(|(other, _)| *other < number);
            prop_assert!(self.waiting[at].1.is_woken(), "call {number} sleeps on");
            self.look(at)?;
        }
        Ok(())
    }

    /// The one at this place among those that wait.
    fn look(&mut self, at: usize) -> TestCaseResult {
        let (number, task) = &mut self.waiting[at];
        let expected = self.model.look(*number, self.world.now);
        let polled = task.poll().map_err(lack);
        prop_assert_eq!(polled, expected, "call {}", number);
        if polled.is_ready() {
            self.waiting.remove(at);
        }
        Ok(())
    }

    fn compare(&self) -> TestCaseResult {
        let ours = self.limiter.snapshot();
        prop_assert_eq!(Counts::of(&ours), self.model.counts());
        prop_assert_eq!(ours.mode, self.model.switched.at(self.world.now));
        prop_assert_eq!((ours.calls, ours.not_ready), (ours.admitted + ours.rejected, 0));
        prop_assert_eq!(told(self.limiter.peek()), self.model.peek(self.world.now));
        Ok(())
    }
}

pub fn lack(rejected: Rejected) -> Lack {
    match (rejected.kind(), rejected.retry_after()) {
        (RejectedKind::RateLimited, Some(wait)) => Lack::For(u64::try_from(wait.as_nanos()).unwrap()),
        (RejectedKind::CostAboveBurst, None) => Lack::Ever,
        _ => panic!("{rejected:?}"),
    }
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn a_rate_limit_does_what_its_model_does(quota in 0..QUOTAS.len(), history in histories()) {
        World::run(|world| {
            let mut pair = Pair::new(world, QUOTAS[quota]);
            replay(&history, Op::of, |op| pair.step(op))
        })?;
    }
}
