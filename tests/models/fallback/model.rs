//! A fallback as one would write it down: for each call, what became of it.

use std::collections::{BTreeMap, HashSet};
use std::task::Poll;

use buttress::{FallbackSnapshot, Mode, Outcome::Success, Verdict};

use super::service::{Act, BROKEN, By, Health, Outcome, Plan, VALUE, closure, outcome, said};
use crate::world::Switched;

/// What answers in place of the service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Value,
    Closure,
    Service,
    /// The closure, without a layer.
    ByHand,
}

/// For which verdicts the layers ask.
#[derive(Clone, Copy, Debug)]
pub enum On {
    NoSuccess,
    Unsent,
    All,
}

impl On {
    pub fn asks(self, verdict: &Verdict) -> bool {
        match self {
            Self::NoSuccess => verdict.outcome() != Success,
            Self::Unsent => !verdict.was_sent(),
            Self::All => true,
        }
    }
}

/// What the caller gets; none if it was a panic.
pub type Got = Option<Outcome>;

#[derive(Clone, Copy, Debug)]
struct Call {
    kind: Kind,
    plan: Plan,
    phase: Phase,
    /// The service's own result.
    fallen: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// With the service, for so many polls more.
    Sent(u32),
    Unready,
    Readying,
    Asked(u32),
    Over,
}

/// What a snapshot tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    admitted: u64,
    rejected: u64,
    degraded: u64,
    failed: u64,
    withheld: u64,
    would_fall: u64,
    causes: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub fn of(snapshot: &FallbackSnapshot) -> Self {
        Self {
            admitted: snapshot.admitted,
            rejected: snapshot.rejected,
            degraded: snapshot.degraded,
            failed: snapshot.failed,
            withheld: snapshot.withheld,
            would_fall: snapshot.would_fall,
            causes: snapshot.causes.iter().copied().collect(),
        }
    }
}

pub struct Model {
    on: On,
    calls: Vec<Call>,
    pub health: Health,
    pub dry_run: bool,
    pub switched: Switched,
    counts: Counts,
    /// Why the fallback was asked, each time.
    causes: Vec<&'static str>,
    /// What the service, and the other one, were called for.
    pub called: [Vec<Act>; 2],
}

impl Model {
    pub fn new(on: On) -> Self {
        Self {
            on,
            calls: Vec::new(),
            health: Health::Ready,
            dry_run: false,
            switched: Switched::ENFORCES,
            counts: Counts::default(),
            causes: Vec::new(),
            called: Default::default(),
        }
    }

    pub fn mode(&self, now: u64) -> Mode {
        let own = if self.dry_run { Mode::DryRun } else { Mode::Enforce };
        self.switched.over(own, now)
    }

    /// The first seven causes that came up, and the others together.
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts.clone();
        let mut named = HashSet::new();
        for cause in &self.causes {
            let is_told = named.contains(cause) || named.len() < 7 && named.insert(*cause);
            *counts.causes.entry(if is_told { cause } else { "other" }).or_default() += 1;
        }
        counts
    }

    /// Answers that the service, and the other one, have under way.
    pub fn alive(&self) -> [usize; 2] {
        let count = |is: fn(Phase) -> bool| self.calls.iter().filter(|call| is(call.phase)).count();
        [count(|phase| matches!(phase, Phase::Sent(_))), count(|phase| matches!(phase, Phase::Asked(_)))]
    }

    pub fn call(&mut self, kind: Kind, plan: Plan) -> usize {
        let phase = match (plan.comes_ready, kind) {
            (true, _) => Phase::Sent(plan.act.polls),
            (false, Kind::Service) => Phase::Readying,
            (false, _) => Phase::Unready,
        };
        if phase == Phase::Readying {
            self.causes.push("not_ready");
        }
        if plan.comes_ready {
            self.counts.admitted += 1;
            self.called[0].push(plan.act);
        } else {
            self.counts.rejected += 1;
        }
        self.calls.push(Call { kind, plan, phase, fallen: None });
        self.calls.len() - 1
    }

    /// A result that never was a call of a layer; what is not a success falls, whatever the layers ask for.
    pub fn by_hand(&mut self, plan: Plan, now: u64) -> Got {
        self.counts.admitted += 1;
        let (kind, phase) = (Kind::ByHand, Phase::Over);
        self.calls.push(Call { kind, plan, phase, fallen: None });
        let layers = std::mem::replace(&mut self.on, On::NoSuccess);
        let got = self.falls(self.calls.len() - 1, outcome(By::Service, plan.act, Some(plan.other)), now);
        self.on = layers;
        match got {
            Poll::Ready(got) => got,
            Poll::Pending => panic!("it waits for nothing"),
        }
    }

    pub fn drop(&mut self, number: usize) {
        self.calls[number].phase = Phase::Over;
    }

    pub fn poll(&mut self, number: usize, now: u64) -> Poll<Got> {
        let Call { plan, phase, .. } = self.calls[number];
        match phase {
            Phase::Sent(0) if plan.act.panics => self.ends(number, None),
            Phase::Sent(0) => self.falls(number, outcome(By::Service, plan.act, Some(plan.other)), now),
            Phase::Sent(left) => self.waits(number, Phase::Sent(left - 1)),
            Phase::Unready => {
                self.causes.push("not_ready");
                self.substitutes(number)
            }
            Phase::Readying => match self.health {
                Health::Pending => Poll::Pending,
                Health::Broken => self.settles(number, Err(BROKEN), false),
                Health::Ready => {
                    self.called[1].push(plan.other);
                    self.calls[number].phase = Phase::Asked(plan.other.polls);
                    self.poll(number, now)
                }
            },
            Phase::Asked(0) if plan.other.panics => self.ends(number, None),
            Phase::Asked(0) => self.settles(number, outcome(By::Other, plan.other, None), true),
            Phase::Asked(left) => self.waits(number, Phase::Asked(left - 1)),
            Phase::Over => panic!("call {number} is over"),
        }
    }

    fn waits(&mut self, number: usize, phase: Phase) -> Poll<Got> {
        self.calls[number].phase = phase;
        Poll::Pending
    }

    fn ends(&mut self, number: usize, got: Got) -> Poll<Got> {
        self.calls[number].phase = Phase::Over;
        Poll::Ready(got)
    }

    fn falls(&mut self, number: usize, result: Outcome, now: u64) -> Poll<Got> {
        let Call { kind, plan, .. } = self.calls[number];
        let (verdict, mode) = (said(&result).means.verdict(), self.mode(now));
        if mode == Mode::Off || !self.on.asks(&verdict) {
            return self.ends(number, Some(result));
        }
        let is_safe = plan.is_copied && (plan.is_repeatable || !verdict.was_sent());
        if kind == Kind::Service && !is_safe {
            self.counts.withheld += 1;
            return self.ends(number, Some(result));
        }
        if mode == Mode::DryRun {
            self.counts.would_fall += 1;
            return self.ends(number, Some(result));
        }
        self.causes.push(verdict.cause());
        self.calls[number].fallen = Some(result);
        if kind == Kind::Service {
            self.calls[number].phase = Phase::Readying;
            return self.poll(number, now);
        }
        self.substitutes(number)
    }

    fn substitutes(&mut self, number: usize) -> Poll<Got> {
        let Call { kind, fallen, .. } = self.calls[number];
        let given = if kind == Kind::Value { Some(Ok(VALUE)) } else { closure(fallen) };
        let got = given.map(|given| self.judged(given));
        self.ends(number, got)
    }

    /// Marked as degraded, if it is an answer and a success.
    fn judged(&mut self, mut result: Outcome) -> Outcome {
        match &mut result {
            Ok(reply) if reply.said.means.verdict().outcome() == Success => {
                reply.is_marked = true;
                self.counts.degraded += 1;
            }
            _ => self.counts.failed += 1,
        }
        result
    }

    /// Whoever has sent a request never learns that it was not.
    fn settles(&mut self, number: usize, result: Outcome, was_asked: bool) -> Poll<Got> {
        let is_reached = was_asked && said(&result).means.verdict().was_sent();
        let got = match self.calls[number].fallen {
            Some(first) if said(&first).means.verdict().was_sent() && !is_reached => {
                self.counts.failed += 1;
                first
            }
            _ => self.judged(result),
        };
        self.ends(number, Some(got))
    }
}
