//! The inner service: each attempt comes to what its request says.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};

use buttress::{
    CircuitBreaker, CircuitBreakerConfig, Classify, Quota, RateLimiter, Rejected, Repeat, Timeout, Verdict,
    retry,
};
use tower::Service;

use crate::history::{Draw, ms};
use crate::world::{Task, World};

/// What one attempt comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Success,
    Failure,
    /// Not to be repeated.
    Final,
    Throttled(Option<u64>),
    Ignored,
    /// Says nothing about health, and may be repeated.
    Again,
    /// No connection.
    Unsent,
    /// A layer below refused it, or gave up.
    CircuitOpen,
    RateLimited(Wait),
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wait {
    Short,
    Long,
}

impl Wait {
    pub const fn millis(self) -> u64 {
        match self {
            Self::Short => 35,
            Self::Long => 1_500,
        }
    }
}

/// An answer, and how long it takes; for ever, if it says so.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub answer: Answer,
    pub after: Option<u64>,
}

impl Act {
    pub fn draw(draw: &mut Draw) -> Self {
        let asked = draw.one_of(&[None, Some(10), Some(400)]);
        let answers = [
            Answer::Failure,
            Answer::Failure,
            Answer::Failure,
            Answer::Success,
            Answer::Throttled(asked),
            Answer::Final,
            Answer::Ignored,
            Answer::Again,
            Answer::Unsent,
            Answer::CircuitOpen,
            Answer::RateLimited(Wait::Short),
            Answer::RateLimited(Wait::Long),
            Answer::TimedOut,
        ];
        let answer = draw.one_of(&answers);
        Self { answer, after: draw.one_of(&[Some(0), Some(0), Some(7), Some(120), None]) }
    }
}

/// What attempt number so-and-so, as the layer counts, came to.
pub type Outcome = (u32, Answer);

#[derive(Clone, Debug)]
pub struct Request {
    pub acts: [Act; 4],
    pub copied: bool,
    pub repeatable: bool,
    /// Through the engine, not the layer.
    pub by_hand: bool,
    pub sent: Rc<Cell<u32>>,
}

/// As the request says.
#[derive(Clone, Copy)]
pub struct AsItSays;

impl Repeat<Request> for AsItSays {
    fn replay(&self, request: &Request) -> Option<Request> {
        request.copied.then(|| request.clone())
    }

    fn repeatable(&self, request: &Request) -> bool {
        request.repeatable
    }
}

#[derive(Clone, Copy)]
pub struct Inner;

impl Service<Request> for Inner {
    type Response = Outcome;
    type Error = Outcome;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Outcome, Outcome>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Outcome>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let attempt = request.sent.get() + 1;
        request.sent.set(attempt);
        assert_eq!(retry::current_attempt(), attempt, "in `call`");
        let act = request.acts[(attempt as usize - 1) % request.acts.len()];
        let sleep = act.after.map(|after| tokio::time::sleep(ms(after)));
        Box::pin(async move {
            match sleep {
                Some(sleep) if act.after > Some(0) => sleep.await,
                Some(_) => {}
                None => std::future::pending().await,
            }
            let outcome = (retry::current_attempt(), act.answer);
            if act.answer == Answer::Success { Ok(outcome) } else { Err(outcome) }
        })
    }
}

/// What answers mean. Rejections are real ones, of real engines.
#[derive(Clone, Copy)]
pub struct Verdicts {
    open: Rejected,
    limited: [Rejected; 2],
    timed_out: Rejected,
}

impl Verdicts {
    pub fn new(world: &mut World) -> Self {
        let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
        breaker.isolate();
        let limited = [Wait::Short, Wait::Long].map(|wait| {
            let limiter = RateLimiter::new(Quota::every(ms(wait.millis())));
            limiter.try_admit().unwrap();
            limiter.try_admit().unwrap_err()
        });
        let timeout = Timeout::new(ms(1));
        let mut hangs = Task::new(async move { timeout.run(std::future::pending::<()>()).await });
        assert!(hangs.poll().is_pending());
        world.pass(1);
        let Poll::Ready(Err(timed_out)) = hangs.poll() else { panic!("it hangs") };
        Self { open: breaker.try_admit().unwrap_err(), limited, timed_out }
    }

    fn of(&self, answer: Answer) -> Verdict {
        match answer {
            Answer::Success => Verdict::success(),
            Answer::Failure => Verdict::failure("broken"),
            Answer::Final => Verdict::failure("final").repeatable(false),
            Answer::Throttled(None) => Verdict::throttled(),
            Answer::Throttled(Some(wait)) => Verdict::throttled().after(ms(wait)),
            Answer::Ignored => Verdict::ignored("ignored"),
            Answer::Again => Verdict::ignored("again").repeatable(true),
            Answer::Unsent => Verdict::failure("connect").never_sent(),
            Answer::CircuitOpen => self.open.into(),
            Answer::RateLimited(wait) => self.limited[wait as usize].into(),
            Answer::TimedOut => self.timed_out.into(),
        }
    }
}

impl Classify<Outcome, Outcome> for Verdicts {
    fn classify(&self, result: Result<&Outcome, &Outcome>) -> Verdict {
        let (Ok((_, answer)) | Err((_, answer))) = result;
        self.of(*answer)
    }
}
