//! The service, and the other one that is asked in its place: both do what the request says.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use buttress::{Answer, Fallen, Fault, Replay, Verdict};
use tower::Service;

use crate::history::Draw;

/// More of them than are told apart.
const CAUSES: [&str; 6] = ["500", "502", "503", "504", "reset", "refused"];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Means {
    Fine,
    Failed(usize),
    Throttled,
    Ignored,
    /// It never left.
    Unsent,
}

impl Means {
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Fine => Verdict::success(),
            Self::Failed(which) => Verdict::failure(CAUSES[which]),
            Self::Throttled => Verdict::throttled(),
            Self::Ignored => Verdict::ignored("408"),
            Self::Unsent => Verdict::failure("connect").never_sent(),
        }
    }
}

/// What a call comes to, and after how many polls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Act {
    pub polls: u32,
    pub panics: bool,
    /// A closure passes on what it was shown.
    passes_on: bool,
    pub is_ok: bool,
    pub means: Means,
}

impl Act {
    fn draw(draw: &mut Draw) -> Self {
        let failed = Means::Failed(draw.below(CAUSES.len() as u64) as usize);
        let means =
            [Means::Fine, Means::Fine, failed, failed, Means::Throttled, Means::Ignored, Means::Unsent];
        let means = draw.one_of(&means);
        Self {
            polls: draw.one_of(&[0, 0, 0, 1, 2, u32::MAX]),
            panics: draw.below(16) == 0,
            passes_on: draw.below(4) == 0,
            is_ok: draw.below(4) > 0 || means == Means::Fine && draw.below(4) > 0,
            means,
        }
    }
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum By {
    Service,
    Other,
    Closure,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    pub by: By,
    pub means: Means,
    /// For the closure, which sees nothing else.
    pub then: Option<Act>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reply {
    pub said: Said,
    pub is_marked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fail(pub Said);

pub type Outcome = Result<Reply, Fail>;

impl Answer for Reply {
    fn verdict(&self) -> Verdict {
        self.said.means.verdict()
    }

    fn mark_degraded(&mut self) {
        self.is_marked = true;
    }
}

impl Fault for Fail {
    fn verdict(&self) -> Verdict {
        self.0.means.verdict()
    }
}

pub const fn outcome(by: By, act: Act, then: Option<Act>) -> Outcome {
    let said = Said { by, means: act.means, then };
    if act.is_ok { Ok(Reply { said, is_marked: false }) } else { Err(Fail(said)) }
}

const SIMPLY: Said = Said { by: By::Closure, means: Means::Fine, then: None };
pub const VALUE: Reply = Reply { said: Said { by: By::Value, ..SIMPLY }, is_marked: false };

/// What was said, whichever way.
pub const fn said(result: &Outcome) -> Said {
    match result {
        Ok(reply) => reply.said,
        Err(fail) => fail.0,
    }
}

/// The closure, by what it is shown. None if it panics.
pub fn closure(shown: Option<Outcome>) -> Option<Outcome> {
    let Some(then) = shown.as_ref().and_then(|shown| said(shown).then) else {
        return Some(Ok(Reply { said: SIMPLY, is_marked: false }));
    };
    if then.passes_on { shown } else { (!then.panics).then(|| outcome(By::Closure, then, None)) }
}

pub fn fall(fallen: Fallen<Reply, Fail>) -> Outcome {
    let told = fallen.result().map(|shown| said(shown).means.verdict());
    let told = told.unwrap_or(Verdict::ignored("not_ready").never_sent());
    assert_eq!(*fallen.verdict(), told);
    closure(fallen.into_result()).unwrap_or_else(|| resume_unwind(Box::new("on purpose")))
}

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub act: Act,
    pub other: Act,
    pub is_copied: bool,
    pub is_repeatable: bool,
    pub comes_ready: bool,
}

impl Plan {
    pub fn draw(draw: &mut Draw) -> Self {
        Self {
            is_copied: draw.below(8) > 0,
            is_repeatable: draw.below(3) > 0,
            comes_ready: draw.below(8) > 0,
            act: Act::draw(draw),
            other: Act::draw(draw),
        }
    }
}

impl Replay for Plan {
    fn replay(&self) -> Option<Self> {
        self.is_copied.then_some(*self)
    }

    fn repeatable(&self) -> bool {
        self.is_repeatable
    }
}

/// How the other service is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Health {
    Ready,
    Pending,
    Broken,
}

pub const BROKEN: Fail = Fail(Said { by: By::Other, means: Means::Failed(0), then: None });

/// One of the two; all clones see the same.
#[derive(Clone)]
pub struct Inner {
    by: By,
    pub seen: Rc<Seen>,
}

pub struct Seen {
    pub health: Cell<Health>,
    /// What it was called with, in that order.
    pub called: RefCell<Vec<Act>>,
    /// Each answer that is under way holds it.
    answers: Rc<()>,
}

impl Inner {
    pub fn new(by: By) -> Self {
        let (health, called, answers) = (Cell::new(Health::Ready), RefCell::default(), Rc::default());
        Self { by, seen: Rc::new(Seen { health, called, answers }) }
    }

    /// Answers that are under way.
    pub fn alive(&self) -> usize {
        Rc::strong_count(&self.seen.answers) - 1
    }
}

impl Service<Plan> for Inner {
    type Response = Reply;
    type Error = Fail;
    type Future = Pin<Box<dyn Future<Output = Outcome>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fail>> {
        match self.seen.health.get() {
            Health::Ready => Poll::Ready(Ok(())),
            Health::Pending => Poll::Pending,
            Health::Broken => Poll::Ready(Err(BROKEN)),
        }
    }

    fn call(&mut self, plan: Plan) -> Self::Future {
        let (act, then) = match self.by {
            By::Service => (plan.act, Some(plan.other)),
            _ => (plan.other, None),
        };
        self.seen.called.borrow_mut().push(act);
        let (by, alive, mut left) = (self.by, Rc::clone(&self.seen.answers), act.polls);
        Box::pin(std::future::poll_fn(move |_| {
            let _alive = &alive;
            if left > 0 {
                left -= 1;
                return Poll::Pending;
            }
            if act.panics {
                resume_unwind(Box::new("on purpose"));
            }
            Poll::Ready(outcome(by, act, then))
        }))
    }
}
