//! The fallback beside its model: a value, a closure, another service and no layer at all, with the counters of one
//! engine.

mod model;
mod service;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use buttress::{Fallback, FallbackLayer};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tower::{Layer, Service};

use crate::history::{Draw, Index, histories, histories_of_each, replay};
use crate::world::{Switch, Task, World};
use model::{Counts, Got, Kind, Model, On};
use service::{By, Fail, Health, Inner, Outcome, Plan, Reply, VALUE, fall, outcome};

#[derive(Clone, Copy, Debug)]
enum Op {
    Call(Kind, Plan),
    ByHand(Plan),
    Poll(Index),
    Drop(Index),
    Other(Health),
    DryRun(bool),
    Switch(Switch),
    Pass(u64),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(100) {
            0..40 => {
                let kind = draw.one_of(&[Kind::Value, Kind::Closure, Kind::Service, Kind::Service]);
                Self::Call(kind, Plan::draw(&mut draw))
            }
            40..48 => Self::ByHand(Plan::draw(&mut draw)),
            48..78 => Self::Poll(draw.index()),
            78..83 => Self::Drop(draw.index()),
            83..90 => {
                Self::Other(draw.one_of(&[Health::Ready, Health::Ready, Health::Pending, Health::Broken]))
            }
            90..92 => Self::DryRun(draw.below(3) == 0),
            92..95 => Self::Switch(Switch::draw(&mut draw)),
            _ => Self::Pass(draw.millis(&[1, 1_000, 3_000])),
        }
    }
}

type Send = Box<dyn Fn(Plan) -> Task<Outcome>>;

/// Each caller has a clone of its own.
fn send<S>(service: S) -> Send
where
    S: Service<Plan, Response = Reply, Error = Fail, Future: 'static> + Clone + 'static,
{
    Box::new(move |plan| {
        let mut service = service.clone();
        if plan.comes_ready {
            assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        }
        Task::new(service.call(plan))
    })
}

/// As the layer is made, or with a choice of its own.
fn choose<M>(layer: FallbackLayer<M>, on: On) -> FallbackLayer<M> {
    match on {
        On::NoSuccess => layer,
        On::Unsent => layer.on(|verdict| On::Unsent.asks(verdict)),
        On::All => layer.on(|verdict| On::All.asks(verdict)),
    }
}

struct Pair {
    world: World,
    fallback: Fallback,
    inners: [Inner; 2],
    sends: [Send; 3],
    model: Model,
    /// Each with its number in the model.
    calls: Vec<(usize, Task<Outcome>)>,
}

impl Pair {
    fn new(world: World, on: On) -> Self {
        let (fallback, inners) = (Fallback::new(), [Inner::new(By::Service), Inner::new(By::Other)]);
        let [inner, other] = inners.clone();
        let sends = [
            send(choose(FallbackLayer::value(VALUE).engine(fallback.clone()), on).layer(inner.clone())),
            send(choose(FallbackLayer::with(fall).engine(fallback.clone()), on).layer(inner.clone())),
            send(choose(FallbackLayer::service(other).engine(fallback.clone()), on).layer(inner)),
        ];
        Self { world, fallback, inners, sends, model: Model::new(on), calls: Vec::new() }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        let now = self.world.now;
        match op {
            Op::Call(kind, plan) => {
                self.calls.push((self.model.call(kind, plan), self.sends[kind as usize](plan)));
            }
            Op::ByHand(plan) => {
                let result = outcome(By::Service, plan.act, Some(plan.other));
                let got = catch_unwind(AssertUnwindSafe(|| self.fallback.or_else(result, fall)));
                prop_assert_eq!(got.ok(), self.model.by_hand(plan, now));
            }
            Op::Poll(index) => {
                if let Some((number, task)) = index.take(&mut self.calls) {
                    self.poll(number, task)?;
                }
            }
            Op::Drop(index) => {
                if let Some((number, task)) = index.take(&mut self.calls) {
                    drop(task);
                    self.model.drop(number);
                }
            }
            Op::Other(health) => {
                self.inners[1].seen.health.set(health);
                self.model.health = health;
            }
            Op::DryRun(dry_run) => {
                self.fallback.set_dry_run(dry_run);
                self.model.dry_run = dry_run;
            }
            Op::Switch(switch) => self.model.switched = switch.carry_out(self.fallback.clone(), now),
            Op::Pass(millis) => self.world.pass(millis),
        }
        self.compare()
    }

    fn poll(&mut self, number: usize, mut task: Task<Outcome>) -> TestCaseResult {
        let expected = self.model.poll(number, self.world.now);
        let got: Poll<Got> = match catch_unwind(AssertUnwindSafe(|| task.poll())) {
            Ok(polled) => polled.map(Some),
            Err(_panic) => Poll::Ready(None),
        };
        prop_assert_eq!(got, expected, "call {}", number);
        if got.is_pending() {
            self.calls.push((number, task));
        }
        Ok(())
    }

    fn compare(&self) -> TestCaseResult {
        let ours = self.fallback.snapshot();
        prop_assert_eq!(Counts::of(&ours), self.model.counts());
        prop_assert_eq!(ours.mode, self.model.mode(self.world.now));
        prop_assert_eq!(ours.calls, ours.admitted + ours.rejected);
        prop_assert!(ours.causes.is_sorted_by_key(|(_, count)| std::cmp::Reverse(*count)));
        prop_assert_eq!(self.inners.each_ref().map(Inner::alive), self.model.alive());
        for (inner, expected) in self.inners.iter().zip(&self.model.called) {
            let called = inner.seen.called.borrow();
            prop_assert_eq!((called.len(), called.last()), (expected.len(), expected.last()));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn a_fallback_does_what_its_model_does(on in 0..4_usize, history in histories()) {
        World::run(|world| {
            let mut pair = Pair::new(world, [On::NoSuccess, On::NoSuccess, On::Unsent, On::All][on]);
            replay(&history, Op::of, |op| pair.step(op))
        })?;
    }
}
