//! Through the tower layer: after calls that hang, are dropped, panic or say nothing, a service that is healthy again is
//! served again. The engine's own test looks at more histories and settings.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use buttress::circuit_breaker::Window;
use buttress::{
    CallError, CircuitBreakerConfig, CircuitBreakerLayer, CircuitBreakerService, CircuitState, Classify,
    Convert, Verdict,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tower::{Layer, Service};

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Task, World};

const TICK: u64 = 50;
const OPEN: u64 = 1_000;
const TRIAL_TIMEOUT: u64 = 1_500;
const TRIAL_CALLS: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Op {
    Call(Act),
    Drop(Index),
    Pass(u64),
}

/// What a call of the inner service does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Answers,
    Fails,
    SaysNothing,
    Hangs,
    PanicsInCall,
    PanicsInPoll,
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        use Act::{Answers, Fails, Hangs, PanicsInCall, PanicsInPoll, SaysNothing};
        let acts =
            [Fails, Fails, Fails, Answers, SaysNothing, Hangs, Hangs, Hangs, PanicsInCall, PanicsInPoll];
        match draw.below(20) {
            0..12 => Self::Call(draw.one_of(&acts)),
            12..14 => Self::Drop(draw.index()),
            _ => Self::Pass(draw.millis(&[100, 1_000])),
        }
    }
}

type Answer = Result<Act, CallError<Act>>;

#[derive(Clone)]
struct Inner(Rc<Cell<Act>>);

impl Service<()> for Inner {
    type Response = Act;
    type Error = CallError<Act>;
    type Future = std::pin::Pin<Box<dyn Future<Output = Answer>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError<Act>>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        let act = self.0.get();
        if matches!(act, Act::PanicsInCall) {
            resume_unwind(Box::new("on purpose"));
        }
        Box::pin(async move {
            match act {
                Act::Answers | Act::SaysNothing => Ok(act),
                Act::Fails => Err(CallError::Inner(act)),
                Act::Hangs => std::future::pending().await,
                Act::PanicsInCall | Act::PanicsInPoll => resume_unwind(Box::new("on purpose")),
            }
        })
    }
}

#[derive(Clone)]
struct Meaning;

impl Classify<Act, CallError<Act>> for Meaning {
    fn classify(&self, result: Result<&Act, &CallError<Act>>) -> Verdict {
        match result {
            Ok(Act::SaysNothing) => Verdict::ignored("nothing"),
            Ok(_) => Verdict::success(),
            Err(_) => Verdict::failure("broken"),
        }
    }
}

struct Life {
    world: World,
    act: Rc<Cell<Act>>,
    service: CircuitBreakerService<Inner, Meaning, Convert>,
    layer: CircuitBreakerLayer<Meaning>,
    hung: Vec<Task<Answer>>,
}

impl Life {
    fn new(world: World) -> Self {
        let config = CircuitBreakerConfig::default()
            .window(Window::last_calls(6))
            .min_calls(3)
            .trial_calls(TRIAL_CALLS)
            .trial_successes(2)
            .trial_timeout(ms(TRIAL_TIMEOUT))
            .open_time(ms(OPEN / 2))
            .open_time_cap(ms(OPEN))
            .cancelled_after(ms(700));
        let layer = CircuitBreakerLayer::new(config).classify(Meaning);
        let act = Rc::new(Cell::new(Act::Answers));
        let service = layer.layer(Inner(Rc::clone(&act)));
        Self { world, act, service, layer, hung: Vec::new() }
    }

    fn step(&mut self, op: Op) -> TestCaseResult {
        match op {
            Op::Call(act) => drop(self.call(act)),
            Op::Drop(index) => drop(index.take(&mut self.hung)),
            Op::Pass(millis) => self.world.pass(millis),
        }
        Ok(())
    }

    /// The answer, if there is one.
    fn call(&mut self, act: Act) -> Option<Answer> {
        self.act.set(act);
        assert!(self.service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        let mut task = Task::new(catch_unwind(AssertUnwindSafe(|| self.service.call(()))).ok()?);
        match catch_unwind(AssertUnwindSafe(|| task.poll())).ok()? {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => {
                self.hung.push(task);
                None
            }
        }
    }

    fn is_served(&mut self) -> bool {
        matches!(self.call(Act::Answers), Some(Ok(_)))
    }

    fn recover(mut self) -> TestCaseResult {
        let served_by = self.world.now + OPEN + TRIAL_TIMEOUT + TICK;
        while !self.is_served() {
            prop_assert!(self.world.now < served_by, "not served: {:?}", self.layer.breaker().snapshot());
            self.world.pass(TICK);
        }
        let closed_by = self.world.now + TRIAL_TIMEOUT + u64::from(TRIAL_CALLS + 3) * TICK;
        while self.layer.breaker().state() != CircuitState::Closed {
            prop_assert!(self.world.now < closed_by, "not closed: {:?}", self.layer.breaker().snapshot());
            self.world.pass(TICK);
            self.is_served();
        }
        self.hung.clear();
        let counts = self.layer.breaker().snapshot();
        prop_assert_eq!(counts.in_flight, 0);
        Ok(())
    }
}

proptest! {
    #![proptest_config(histories_of_each(2_000))]

    #[test]
    fn a_healthy_service_is_served_again(history in histories()) {
        World::run(|world| {
            let mut life = Life::new(world);
            replay(&history, Op::of, |op| life.step(op))?;
            life.recover()
        })?;
    }
}
