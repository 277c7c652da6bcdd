//! The circuit breaker beside its model: every decision, every number of a snapshot, and every event.

mod model;
mod ops;
mod records;
mod told;

use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;
use std::time::Duration;

use buttress::{CircuitBreaker, CircuitPermit, RejectedKind, Verdict};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::history::{Index, histories, histories_of_each, ms, replay};
use crate::world::{Task, World, drop_by_panic};
use model::{Ending, Model, NEVER, Permit};
use ops::{CONFIGS, Op, config};
use told::{Event, Show};

struct Pair {
    world: World,
    breaker: CircuitBreaker,
    model: Model,
    in_flight: Vec<(CircuitPermit, Permit)>,
    waiting: Vec<Task<CircuitPermit>>,
    events: Receiver<Event>,
}

impl Pair {
    fn new(world: World, which: usize) -> Self {
        let (breaker, model) = (CircuitBreaker::new(config(which)), Model::new(config(which)));
        let (sender, events) = channel();
        breaker.subscribe(move |event| sender.send(event.into()).unwrap()).keep();
        Self { world, breaker, model, in_flight: Vec::new(), waiting: Vec::new(), events }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        let now = self.world.now;
        let until = |time_to_live: Option<u64>| time_to_live.map_or(NEVER, |time| now + time);
        match op {
            Op::Admit => self.admit()?,
            Op::Acquire => {
                let breaker = self.breaker.clone();
                self.poll(Task::new(async move { breaker.acquire().await }))?;
            }
            Op::PollWoken => {
                for task in std::mem::take(&mut self.waiting) {
                    if task.is_woken() {
                        self.poll(task)?;
                    } else {
                        self.waiting.push(task);
                    }
                }
            }
            Op::GiveUp(index) => drop(index.take(&mut self.waiting)),
            Op::End(index, ending) => self.end(index, ending),
            Op::Pass(millis) => self.world.pass(millis),
            Op::Isolate(time_to_live) => {
                time_to_live
                    .map_or_else(|| self.breaker.isolate(), |time| self.breaker.isolate_for(ms(time)));
                self.model.isolate(until(time_to_live), now);
            }
            Op::Bypass(time_to_live) => {
                time_to_live.map_or_else(|| self.breaker.bypass(), |time| self.breaker.bypass_for(ms(time)));
                self.model.bypass(until(time_to_live), now);
            }
            Op::Automatic => {
                self.breaker.automatic();
                self.model.automatic(now);
            }
            Op::Reset => {
                self.breaker.reset();
                self.model.reset(now);
            }
            Op::Switch(switch) => self.model.switched = switch.carry_out(self.breaker.clone(), now),
            Op::Config(which) => {
                self.breaker.set_config(config(which)).unwrap();
                self.model.reconfigure(config(which));
            }
        }
        self.compare()
    }

    fn admit(&mut self) -> TestCaseResult {
        match (self.breaker.try_admit(), self.model.admit(self.world.now)) {
            (Ok(ours), Ok(models)) => self.in_flight.push((ours, models)),
            (Err(rejected), Err(wait)) => {
                self.model.refused();
                prop_assert_eq!(rejected.kind(), RejectedKind::CircuitOpen);
                prop_assert_eq!(rejected.retry_after(), wait.map(ms));
            }
            (ours, models) => prop_assert!(false, "{ours:?} but {models:?}"),
        }
        Ok(())
    }

    /// Who waits is let through as soon as anybody would be.
    fn poll(&mut self, mut task: Task<CircuitPermit>) -> TestCaseResult {
        let now = self.world.now;
        match (task.poll(), self.model.would_refuse(now)) {
            (Poll::Pending, true) => self.waiting.push(task),
            (Poll::Ready(ours), false) => {
                let models = self.model.admit(now).expect("nothing refuses it");
                self.in_flight.push((ours, models));
            }
            (ours, refuses) => prop_assert!(false, "{ours:?}, refuses: {refuses}"),
        }
        Ok(())
    }

    fn end(&mut self, index: Index, ending: Ending) {
        let Some((ours, models)) = index.take(&mut self.in_flight) else { return };
        match ending {
            Ending::Success => ours.settle(Verdict::success()),
            Ending::Failure(cause) => ours.settle(Verdict::failure(cause)),
            Ending::Throttled => ours.settle(Verdict::throttled()),
            Ending::Ignored => ours.settle(Verdict::ignored("ignored")),
            Ending::Dropped => drop(ours),
            Ending::Panicked => drop_by_panic(ours),
        }
        self.model.settle(models, ending, self.world.now);
    }

    fn compare(&mut self) -> TestCaseResult {
        let now = self.world.now;
        let ours = self.breaker.snapshot();
        prop_assert_eq!(Show::from(&ours), self.model.shows(now));
        prop_assert_eq!(self.breaker.state(), ours.state);
        prop_assert_eq!(self.events.try_iter().collect::<Vec<_>>(), std::mem::take(&mut self.model.events));
        prop_assert_eq!((ours.calls, ours.not_ready), (ours.admitted + ours.rejected, 0));
        prop_assert_eq!(ours.in_flight as usize, self.in_flight.len());
        if !self.model.would_refuse(now) {
            prop_assert!(self.waiting.iter().all(Task::is_woken), "someone sleeps on");
        }
        Ok(())
    }
}

/// What no number holds is never.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER)
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn a_breaker_does_what_its_model_does(which in 0..CONFIGS, history in histories()) {
        World::run(|world| {
            let mut pair = Pair::new(world, which);
            replay(&history, Op::of, |op| pair.step(op))
        })?;
    }
}
