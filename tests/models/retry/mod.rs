//! The retry layer and its budget beside their model.

mod budget;
mod model;
mod service;

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Waker};

use buttress::deadline::{Deadline, scope};
use buttress::{Backoff, Jitter, Retry, RetryLayer, RetryPolicy, RetryService};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tower::{Layer, Service};

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Switch, Task, World};
use budget::{BUDGETS, Budget, config};
use model::{Counts, Model};
use service::{Act, AsItSays, Inner, Outcome, Request, Verdicts};

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Through the layer; or by hand, and then there is always something to repeat.
    Call {
        acts: [Act; 4],
        copied: bool,
        repeatable: bool,
        by_hand: bool,
        deadline: Option<u64>,
    },
    /// Looks again, asked or not.
    Poll(Index),
    /// All who were woken look again.
    PollWoken,
    Drop(Index),
    Pass(u64),
    Deposit,
    Withdraw,
    Policy {
        max_attempts: u32,
        backoff: (u64, u64),
        retry_after_cap: u64,
        budget: Option<usize>,
    },
    Budget(usize),
    Switch(Switch),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(100) {
            0..30 => Self::Call {
                copied: draw.below(8) > 0,
                repeatable: draw.below(8) > 0,
                by_hand: draw.below(4) == 3,
                deadline: draw.one_of(&[None, None, None, Some(0), Some(60), Some(300), Some(301)]),
                acts: [0; 4].map(|_| Act::draw(&mut draw)),
            },
            30..35 => Self::Poll(draw.index()),
            35..60 => Self::PollWoken,
            60..64 => Self::Drop(draw.index()),
            64..88 => Self::Pass(draw.millis(&[1, 40, 40, 500])),
            88..90 => Self::Deposit,
            90..92 => Self::Withdraw,
            92..95 => Self::Policy {
                max_attempts: 1 + draw.below(5) as u32,
                backoff: draw.one_of(&[(10, 40), (20, 2_000), (1, 1)]),
                retry_after_cap: draw.one_of(&[0, 50, 30_000]),
                budget: draw.one_of(&[None, Some(0), Some(1), Some(2), Some(3), Some(4)]),
            },
            95..97 => Self::Budget(draw.below(BUDGETS.len() as u64) as usize),
            _ => Self::Switch(Switch::draw(&mut draw)),
        }
    }
}

type Call = Task<Result<Outcome, Outcome>>;

struct Pair {
    world: World,
    retry: Retry,
    verdicts: Verdicts,
    service: RetryService<Inner, Verdicts, AsItSays>,
    model: Model,
    /// Each with its number in the model.
    calls: Vec<(usize, Call)>,
}

impl Pair {
    fn new(mut world: World, budget: usize) -> Self {
        let verdicts = Verdicts::new(&mut world);
        let policy = policy(3, (10, 40), 30_000, Some(budget));
        let layer = RetryLayer::new(policy.clone()).classify(verdicts).repeat(AsItSays);
        let model = Model::new(policy, Budget::full(config(BUDGETS[budget])));
        Self { world, retry: layer.retry(), verdicts, service: layer.layer(Inner), model, calls: Vec::new() }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        let now = self.world.now;
        match op {
            Op::Call { acts, copied, repeatable, by_hand, deadline } => {
                let (copied, repeatable) = (copied || by_hand, repeatable || by_hand);
                let request = Request { acts, copied, repeatable, by_hand, sent: Rc::new(Cell::new(0)) };
                let number = self.model.call(&request, deadline.map(|by| now + by), now);
                let call = self.call(request, deadline.map(|by| Deadline::after(ms(by))));
                self.poll(number, call)?;
            }
            Op::Poll(index) => {
                if let Some((number, call)) = index.take(&mut self.calls) {
                    self.poll(number, call)?;
                }
            }
            Op::PollWoken => {
                for (number, call) in std::mem::take(&mut self.calls) {
                    if call.is_woken() {
                        self.poll(number, call)?;
                    } else {
                        self.calls.push((number, call));
                    }
                }
            }
            Op::Drop(index) => {
                if let Some((number, call)) = index.take(&mut self.calls) {
                    drop(call);
                    self.model.abandon(number, now);
                }
            }
            Op::Pass(millis) => self.world.pass(millis),
            Op::Deposit => {
                self.retry.budget().into_iter().for_each(|budget| budget.deposit());
                if self.model.policy.budget.is_some() {
                    self.model.budget.deposit(now);
                }
            }
            Op::Withdraw => {
                if let Some(budget) = self.retry.budget() {
                    prop_assert_eq!(budget.try_withdraw(), self.model.budget.withdraw(now));
                }
            }
            Op::Policy { max_attempts, backoff, retry_after_cap, budget } => {
                let policy = policy(max_attempts, backoff, retry_after_cap, budget);
                self.retry.set_policy(policy.clone()).unwrap();
                policy.budget.into_iter().for_each(|config| self.model.budget.set(config, now));
                self.model.policy = policy;
            }
            Op::Budget(which) => {
                if let Some(budget) = self.retry.budget() {
                    budget.set_config(config(BUDGETS[which])).unwrap();
                    self.model.budget.set(config(BUDGETS[which]), now);
                }
            }
            Op::Switch(switch) => self.model.switched = switch.carry_out(self.retry.clone(), now),
        }
        self.compare()
    }

    fn call(&mut self, request: Request, by: Option<Deadline>) -> Call {
        if request.by_hand {
            let (retry, verdicts) = (self.retry.clone(), self.verdicts);
            let work = move || Inner.call(request.clone());
            return Task::new(scope(by, async move { retry.run_by(&verdicts, work).await }));
        }
        assert!(self.service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        Task::new(scope(by, self.service.call(request)))
    }

    fn poll(&mut self, number: usize, mut call: Call) -> TestCaseResult {
        let expected = self.model.poll(number, self.world.now);
        let polled = call.poll().map(|result| result.unwrap_or_else(|failed| failed));
        if polled.is_pending() {
            self.calls.push((number, call));
        }
        prop_assert_eq!(polled, expected, "call {}", number);
        Ok(())
    }

    fn compare(&self) -> TestCaseResult {
        let now = self.world.now;
        let ours = self.retry.snapshot();
        prop_assert_eq!(&Counts::of(&ours), self.model.counts());
        prop_assert_eq!(ours.attempts, ours.calls + ours.retries);
        if let Some(budget) = self.retry.budget() {
            prop_assert_eq!(budget::told(budget.snapshot()), self.model.budget.shows(now));
        }
        for (number, call) in &self.calls {
            prop_assert!(call.is_woken() || !self.model.must_look(*number, now), "call {number} sleeps on");
        }
        Ok(())
    }
}

fn policy(
    max_attempts: u32,
    (base, cap): (u64, u64),
    retry_after_cap: u64,
    budget: Option<usize>,
) -> RetryPolicy {
    RetryPolicy::default()
        .max_attempts(max_attempts)
        .backoff(Backoff::exponential(ms(base)).cap(ms(cap)))
        .jitter(Jitter::None)
        .retry_after_cap(ms(retry_after_cap))
        .budget(budget.map(|which| config(BUDGETS[which])))
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn retries_do_what_their_model_does(budget in 0..BUDGETS.len(), history in histories()) {
        World::run(|world| {
            let mut pair = Pair::new(world, budget);
            replay(&history, Op::of, |op| pair.step(op))
        })?;
    }
}
