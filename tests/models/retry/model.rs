//! Retries as one would write them down: for each call what it sent, and by the table of the design what follows.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Poll;

use buttress::{Mode, RetryPolicy, RetrySnapshot};

use super::budget::Budget;
use super::service::{Act, Answer, Outcome, Request};
use crate::world::Switched;

pub struct Model {
    pub policy: RetryPolicy,
    pub budget: Budget,
    pub switched: Switched,
    calls: Vec<Call>,
    counts: Counts,
}

struct Call {
    acts: [Act; 4],
    copies: bool,
    by_hand: bool,
    repeatable: bool,
    deadline: u64,
    sent: u32,
    /// There is a request for another attempt.
    copied: bool,
    last_sent: Option<Outcome>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Sent { answers_at: u64 },
    Waits { until: u64, has_token: bool, cause: &'static str },
    Over,
}

/// What a snapshot tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    calls: u64,
    retries: u64,
    causes: BTreeMap<&'static str, u64>,
    recovered: u64,
    not_repeatable: u64,
    attempts_exhausted: u64,
    budget_exhausted: u64,
    deadline: u64,
    rejected: u64,
    would_retry: u64,
}

impl Counts {
    pub fn of(snapshot: &RetrySnapshot) -> Self {
        Self {
            calls: snapshot.calls,
            retries: snapshot.retries,
            causes: snapshot.causes.iter().copied().collect(),
            recovered: snapshot.recovered,
            not_repeatable: snapshot.not_repeatable,
            attempts_exhausted: snapshot.attempts_exhausted,
            budget_exhausted: snapshot.budget_exhausted,
            deadline: snapshot.deadline,
            rejected: snapshot.rejected,
            would_retry: snapshot.would_retry,
        }
    }
}

/// Why there is no further attempt, or how long it has to wait and whether it costs a token.
enum Next {
    Stops(fn(&mut Counts) -> &mut u64),
    /// There is nothing to repeat.
    Ends,
    Waits {
        for_millis: u64,
        costs: bool,
    },
}

impl Model {
    pub fn new(policy: RetryPolicy, budget: Budget) -> Self {
        Self { policy, budget, switched: Switched::ENFORCES, calls: Vec::new(), counts: Counts::default() }
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    pub fn call(&mut self, request: &Request, deadline: Option<u64>, now: u64) -> usize {
        assert_eq!(Rc::strong_count(&request.sent), 1, "not sent yet");
        self.calls.push(Call {
            acts: request.acts,
            copies: request.copied,
            by_hand: request.by_hand,
            repeatable: request.repeatable,
            deadline: deadline.unwrap_or(u64::MAX),
            sent: 0,
            copied: false,
            last_sent: None,
            state: State::Over,
        });
        self.counts.calls += 1;
        self.send(self.calls.len() - 1, now);
        self.calls.len() - 1
    }

    fn send(&mut self, number: usize, now: u64) {
        let most = self.policy.max_attempts;
        let call = &mut self.calls[number];
        let act = call.acts[call.sent as usize % call.acts.len()];
        call.sent += 1;
        // The layer copies a request only for a further attempt that there may be.
        call.copied = call.by_hand || call.copies && call.sent < most;
        call.state = State::Sent { answers_at: act.after.map_or(u64::MAX, |after| now + after) };
    }

    pub fn must_look(&self, number: usize, now: u64) -> bool {
        match self.calls[number].state {
            State::Sent { answers_at } => now >= answers_at,
            State::Waits { until, .. } => now >= until,
            State::Over => false,
        }
    }

    pub fn poll(&mut self, number: usize, now: u64) -> Poll<Outcome> {
        while self.must_look(number, now) {
            let over = match self.calls[number].state {
                State::Sent { .. } => self.judge(number, now),
                State::Waits { has_token, cause, .. } => self.wake(number, has_token, cause, now),
                State::Over => None,
            };
            if let Some(outcome) = over {
                self.calls[number].state = State::Over;
                return Poll::Ready(outcome);
            }
        }
        Poll::Pending
    }

    /// Switched off meanwhile, it ends with what it has; else it sends again.
    fn wake(&mut self, number: usize, has_token: bool, cause: &'static str, now: u64) -> Option<Outcome> {
        let last_sent = self.calls[number].last_sent;
        if last_sent.is_some() && self.switched.at(now) == Mode::Off {
            self.give_back(has_token, now);
            return last_sent;
        }
        self.counts.retries += 1;
        *self.counts.causes.entry(cause).or_default() += 1;
        self.send(number, now);
        None
    }

    fn judge(&mut self, number: usize, now: u64) -> Option<Outcome> {
        let call = &self.calls[number];
        let answer = call.acts[(call.sent as usize - 1) % call.acts.len()].answer;
        let outcome = (call.sent, answer);
        // Whatever the service said; not if it was not asked.
        let was_refused = matches!(answer, Answer::CircuitOpen | Answer::RateLimited(_));
        if call.sent == 1 && !was_refused && self.policy.budget.is_some() {
            self.budget.deposit(now);
        }
        let call = &self.calls[number];
        let mode = self.switched.at(now);
        match self.next(call, answer, mode, now) {
            Next::Ends => {}
            Next::Stops(count) => *count(&mut self.counts) += 1,
            Next::Waits { for_millis, costs } => {
                let has_token = costs && self.policy.budget.is_some();
                if has_token && !self.budget.withdraw(now) {
                    self.counts.budget_exhausted += 1;
                } else if mode == Mode::DryRun {
                    self.counts.would_retry += 1;
                } else {
                    let call = &mut self.calls[number];
                    call.last_sent = if was_sent(answer) { Some(outcome) } else { call.last_sent };
                    call.state = State::Waits { until: now + for_millis, has_token, cause: cause(answer) };
                    return None;
                }
            }
        }
        // Once something was sent, never the news that something was not.
        Some(self.calls[number].last_sent.filter(|_| !was_sent(answer)).unwrap_or(outcome))
    }

    fn next(&self, call: &Call, answer: Answer, mode: Mode, now: u64) -> Next {
        match answer {
            Answer::Success if call.sent > 1 => return Next::Stops(|counts| &mut counts.recovered),
            Answer::Success | Answer::Ignored => return Next::Ends,
            Answer::Final => return Next::Stops(|counts| &mut counts.not_repeatable),
            Answer::CircuitOpen => return Next::Stops(|counts| &mut counts.rejected),
            _ if mode == Mode::Off => return Next::Ends,
            _ if call.sent >= self.policy.max_attempts => {
                return Next::Stops(|counts| &mut counts.attempts_exhausted);
            }
            _ if !call.copied || was_sent(answer) && !call.repeatable => {
                return Next::Stops(|counts| &mut counts.not_repeatable);
            }
            _ => {}
        }
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap();
        let backoff = self.policy.backoff;
        let cap = millis(backoff.cap);
        let (for_millis, costs) = match answer {
            Answer::RateLimited(wait) if wait.millis() > cap => {
                return Next::Stops(|counts| &mut counts.rejected);
            }
            Answer::RateLimited(wait) => (wait.millis(), false),
            _ => {
                let factor = backoff.factor as u64;
                let own = (1..call.sent).fold(millis(backoff.base), |wait, _| (wait * factor).min(cap));
                let Answer::Throttled(Some(asked)) = answer else {
                    return waits_or_stops(call, own, true, now);
                };
                (own.max(asked.min(millis(self.policy.retry_after_cap))), true)
            }
        };
        waits_or_stops(call, for_millis, costs, now)
    }

    fn give_back(&mut self, has_token: bool, now: u64) {
        if has_token {
            self.budget.give_back(now);
        }
    }

    /// The caller drops it.
    pub fn abandon(&mut self, number: usize, now: u64) {
        if let State::Waits { has_token, .. } = self.calls[number].state {
            self.give_back(has_token, now);
        }
        self.calls[number].state = State::Over;
    }
}

/// What begins at the very deadline could only be cut short.
fn waits_or_stops(call: &Call, for_millis: u64, costs: bool, now: u64) -> Next {
    if now + for_millis >= call.deadline {
        return Next::Stops(|counts| &mut counts.deadline);
    }
    Next::Waits { for_millis, costs }
}

fn was_sent(answer: Answer) -> bool {
    !matches!(answer, Answer::Unsent | Answer::CircuitOpen | Answer::RateLimited(_))
}

fn cause(answer: Answer) -> &'static str {
    match answer {
        Answer::Failure => "broken",
        Answer::Throttled(_) => "throttled",
        Answer::Again => "again",
        Answer::Unsent => "connect",
        Answer::RateLimited(_) => "rate_limited",
        Answer::TimedOut => "timeout",
        Answer::Success | Answer::Final | Answer::Ignored | Answer::CircuitOpen => "never repeated",
    }
}
