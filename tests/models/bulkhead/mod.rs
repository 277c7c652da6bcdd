//! The bulkhead beside its model: calls that are rejected and calls that wait, on one engine.

mod model;

use std::task::Poll;

use buttress::deadline::{Deadline, scope};
use buttress::{Bulkhead, BulkheadPermit, Rejected};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Switch, Task, World, drop_by_panic};
use model::{Ends, Model};

#[derive(Clone, Copy, Debug)]
enum Op {
    Admit,
    /// Waits if it has to, for the caller's deadline if there is one.
    Acquire(Option<u64>),
    /// Looks again, asked or not.
    Poll(Index),
    /// All who were woken look again, in the order of arrival.
    PollWoken,
    LeaveQueue(Index),
    End(Index, Ends),
    Pass(u64),
    Limit(usize),
    Queue(usize, u64),
    Switch(Switch),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(100) {
            0..15 => Self::Admit,
            15..35 => {
                let deadline = draw.millis(&[0, 300]);
                Self::Acquire(draw.one_of(&[None, None, None, Some(deadline)]))
            }
            35..40 => Self::Poll(draw.index()),
            40..55 => Self::PollWoken,
            55..60 => Self::LeaveQueue(draw.index()),
            60..80 => {
                let ends = [Ends::Completes, Ends::Completes, Ends::Dropped, Ends::Panics];
                Self::End(draw.index(), draw.one_of(&ends))
            }
            80..90 => Self::Pass(draw.millis(&[1, 100, 1_000])),
            90..94 => Self::Limit(1 + draw.below(6) as usize),
            94..97 => Self::Queue(1 + draw.below(5) as usize, 1 + draw.below(400)),
            _ => Self::Switch(Switch::draw(&mut draw)),
        }
    }
}

struct Pair {
    world: World,
    bulkhead: Bulkhead,
    model: Model,
    /// Each with its number in the model.
    waiting: Vec<(usize, Task<Result<BulkheadPermit, Rejected>>)>,
    in_flight: Vec<(usize, BulkheadPermit)>,
}

impl Pair {
    fn new(world: World, limit: usize) -> Self {
        let (bulkhead, model) = (Bulkhead::new(limit), Model::new(limit));
        Self { world, bulkhead, model, waiting: Vec::new(), in_flight: Vec::new() }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        let now = self.world.now;
        match op {
            Op::Admit => {
                let ours = self.bulkhead.try_admit();
                let number = self.model.admit(now);
                self.settled(number, Poll::Ready(ours))?;
            }
            Op::Acquire(deadline) => {
                let bulkhead = self.bulkhead.clone();
                let deadline_at = deadline.map(|millis| Deadline::after(ms(millis)));
                let task = Task::new(scope(deadline_at, async move { bulkhead.acquire().await }));
                let number = self.model.acquire(now, deadline.map(|millis| now + millis));
                self.poll(number, task)?;
            }
            Op::Poll(index) => {
                if let Some((number, task)) = index.take(&mut self.waiting) {
                    self.look(number, task)?;
                }
            }
            Op::PollWoken => {
                let waiting = std::mem::take(&mut self.waiting);
                for (number, task) in waiting {
                    if task.is_woken() {
                        self.look(number, task)?;
                    } else {
                        self.waiting.push((number, task));
                    }
                }
            }
            Op::LeaveQueue(index) => {
                if let Some((number, task)) = index.take(&mut self.waiting) {
                    drop(task);
                    self.model.leave(number);
                }
            }
            Op::End(index, how) => {
                if let Some((number, permit)) = index.take(&mut self.in_flight) {
                    match how {
                        Ends::Completes => permit.complete(),
                        Ends::Dropped => drop(permit),
                        Ends::Panics => drop_by_panic(permit),
                    }
                    self.model.end(number, how);
                }
            }
            Op::Pass(millis) => self.world.pass(millis),
            Op::Limit(limit) => {
                self.bulkhead.set_limit(limit).unwrap();
                self.model.set_limit(limit);
            }
            Op::Queue(len, max_wait) => {
                self.bulkhead.set_queue(len, ms(max_wait)).unwrap();
                self.model.set_queue(len, max_wait);
            }
            Op::Switch(switch) => self.model.switched = switch.carry_out(self.bulkhead.clone(), now),
        }
        self.compare()
    }

    fn look(&mut self, number: usize, task: Task<Result<BulkheadPermit, Rejected>>) -> TestCaseResult {
        self.model.look(number, self.world.now);
        self.poll(number, task)
    }

    fn poll(&mut self, number: usize, mut task: Task<Result<BulkheadPermit, Rejected>>) -> TestCaseResult {
        let polled = task.poll();
        if polled.is_pending() {
            // In the order of arrival, whoever was polled last.
            let at = self.waiting.partition_point(|(other, _)| *other < number);
            self.waiting.insert(at, (number, task));
        }
        self.settled(number, polled)
    }

    fn settled(&mut self, number: usize, polled: Poll<Result<BulkheadPermit, Rejected>>) -> TestCaseResult {
        let decision = polled.map(|result| {
            result.map(|permit| self.in_flight.push((number, permit))).map_err(|rejected| rejected.kind())
        });
        prop_assert_eq!(decision, self.model.decision(number), "call {}", number);
        Ok(())
    }

    fn compare(&self) -> TestCaseResult {
        let (ours, expected) = (self.bulkhead.snapshot(), self.model.counts());
        prop_assert_eq!(model::Counts::of(&ours), expected);
        prop_assert_eq!(ours.mode, self.model.switched.at(self.world.now));
        prop_assert_eq!(ours.calls, ours.admitted + ours.rejected);
        prop_assert_eq!(ours.admitted, ours.completed + ours.cancelled + ours.in_flight);
        for (number, task) in &self.waiting {
            let must_look = self.model.must_look(*number, self.world.now);
            prop_assert!(task.is_woken() || !must_look, "call {number} sleeps on");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn a_bulkhead_does_what_its_model_does(limit in 1..6_usize, history in histories()) {
        World::run(|world| {
            let mut pair = Pair::new(world, limit);
            replay(&history, Op::of, |op| pair.step(op))
        })?;
    }
}
