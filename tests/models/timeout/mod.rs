//! The timeout beside its model: calls that answer at once, in time, at the very limit, late or never.

mod model;

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use buttress::deadline::{self, Deadline, scope};
use buttress::{Rejected, RejectedKind, Timeout};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tokio::time::{Instant, sleep_until};

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Switch, Task, World};
use model::{Decision, End, Model};

#[derive(Clone, Copy, Debug)]
enum Op {
    /// When the answer comes, if it does, and by when the caller wants it.
    Call(Option<u64>, Option<u64>),
    /// Looks again, asked or not.
    Poll(Index),
    /// All who were woken look again.
    PollWoken,
    Drop(Index),
    Pass(u64),
    Limit(u64),
    Switch(Switch),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(100) {
            0..30 => {
                let answers_after = draw.millis(&[0, 100, 100, 2_000]);
                let deadline = draw.millis(&[0, 100, 1_000]);
                let answer = draw.one_of(&[Some(answers_after), Some(answers_after), None]);
                Self::Call(answer, draw.one_of(&[None, None, None, Some(deadline)]))
            }
            30..37 => Self::Poll(draw.index()),
            37..62 => Self::PollWoken,
            62..65 => Self::Drop(draw.index()),
            65..90 => Self::Pass(draw.millis(&[1, 20, 100, 1_000])),
            90..96 => {
                let limit = 1 + draw.millis(&[10, 100, 1_000]);
                Self::Limit(draw.one_of(&[limit, limit, limit, u64::MAX]))
            }
            _ => Self::Switch(Switch::draw(&mut draw)),
        }
    }
}

struct Pair {
    world: World,
    timeout: Timeout,
    model: Model,
    start: Instant,
    /// Each with its number in the model.
    calls: Vec<(usize, Task<Result<u64, Rejected>>)>,
    /// What the latest poll of an inner future found in force.
    seen: Rc<Cell<Option<u64>>>,
}

impl Pair {
    fn new(world: World, limit: u64) -> Self {
        let (timeout, model) = (Timeout::new(ms(limit)), Model::new(limit));
        Self { world, timeout, model, start: Instant::now(), calls: Vec::new(), seen: Rc::default() }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        let now = self.world.now;
        match op {
            Op::Call(answers_after, deadline) => {
                let task = self.call(answers_after, deadline);
                let number =
                    self.model.call(answers_after.map(|after| now + after), deadline.map(|by| now + by));
                self.poll(number, task)?;
            }
            Op::Poll(index) => {
                if let Some((number, task)) = index.take(&mut self.calls) {
                    self.poll(number, task)?;
                }
            }
            Op::PollWoken => {
                for (number, task) in std::mem::take(&mut self.calls) {
                    if task.is_woken() {
                        self.poll(number, task)?;
                    } else {
                        self.calls.push((number, task));
                    }
                }
            }
            Op::Drop(index) => drop(index.take(&mut self.calls)),
            Op::Pass(millis) => self.world.pass(millis),
            Op::Limit(millis) => {
                let limit = if millis == u64::MAX { std::time::Duration::MAX } else { ms(millis) };
                self.timeout.set_limit(limit).unwrap();
                self.model.limit = millis;
            }
            Op::Switch(switch) => self.model.switched = switch.carry_out(self.timeout.clone(), now),
        }
        self.compare()
    }

    fn call(&self, answers_after: Option<u64>, deadline: Option<u64>) -> Task<Result<u64, Rejected>> {
        let (timeout, seen, start) = (self.timeout.clone(), Rc::clone(&self.seen), self.start);
        let answers_at = answers_after.map(|after| Instant::now() + ms(after));
        let inner = async move {
            let mut answer = answers_at.map(|at| Box::pin(sleep_until(at)));
            poll_fn(|cx| {
                let in_force = deadline::current().map(|deadline| Instant::now() + deadline.remaining());
                seen.set(in_force.map(|at| u64::try_from((at - start).as_millis()).unwrap()));
                answer.as_mut().map_or(Poll::Pending, |answer| answer.as_mut().poll(cx))
            })
            .await;
            7
        };
        let deadline = deadline.map(|by| Deadline::after(ms(by)));
        Task::new(scope(deadline, async move { timeout.run(inner).await }))
    }

    fn poll(&mut self, number: usize, mut task: Task<Result<u64, Rejected>>) -> TestCaseResult {
        let expected = self.model.poll(number, self.world.now);
        let polled = task.poll();
        if polled.is_pending() {
            self.calls.push((number, task));
        }
        prop_assert_eq!(polled.map(|result| result.map_err(told)), expected.decision, "call {}", number);
        // What has passed already is in force as well, and no time remains.
        let seen = self.seen.get();
        prop_assert_eq!(seen, expected.in_force.map(|at| at.max(self.world.now)), "call {}", number);
        Ok(())
    }

    fn compare(&self) -> TestCaseResult {
        let (ours, expected) = (self.timeout.snapshot(), self.model.counts());
        let ends = [ours.timed_out, ours.cut_short, ours.stalled, ours.would_time_out];
        prop_assert_eq!((ours.admitted, ends), (expected.admitted, expected.ends));
        let waited = u64::try_from(ours.call_duration.sum().as_millis()).unwrap();
        prop_assert_eq!((ours.call_duration.count(), waited), (expected.timed, expected.took));
        prop_assert_eq!((ours.calls, ours.rejected), (ours.admitted, 0));
        for (number, task) in &self.calls {
            let must_look = self.model.must_look(*number, self.world.now);
            prop_assert!(task.is_woken() || !must_look, "call {number} sleeps on");
        }
        Ok(())
    }
}

fn told(rejected: Rejected) -> Decision {
    assert!(rejected.kind() == RejectedKind::TimedOut && rejected.was_sent());
    let end = match (rejected.was_cut_short(), rejected.was_stalled()) {
        (false, false) => End::Full,
        (true, false) => End::CutShort,
        (false, true) => End::Stalled,
        both => panic!("{both:?}"),
    };
    Decision { end, limit: rejected.limit() }
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn a_timeout_does_what_its_model_does(limit in 1..300_u64, history in histories()) {
        World::run(|world| {
            let mut pair = Pair::new(world, limit);
            replay(&history, Op::of, |op| pair.step(op))
        })?;
    }
}
