//! A circuit breaker as one would write it down. Time is in milliseconds; the largest number is never.

use std::collections::BTreeMap;

use buttress::circuit_breaker::{CircuitControl, CircuitReason};
use buttress::{CircuitBreakerConfig, CircuitState, Mode};

use super::millis;
use super::records::Records;
use super::told::{Event, Evidence, Show, Totals};
use crate::world::Switched;

pub const NEVER: u64 = u64::MAX;

/// One call that was let through.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    id: u64,
    epoch: u64,
    /// By hand, or because nothing is enforced: it decides nothing.
    is_passed: bool,
    started: u64,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    Success,
    Failure(&'static str),
    Throttled,
    Ignored,
    Dropped,
    Panicked,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Closed,
    Open(u64),
    HalfOpen,
    Isolated(u64),
    Bypassed(u64),
}

/// From the moment it leaves closed to the moment it is closed again.
#[derive(Clone, Copy, Debug)]
struct Episode {
    opened: u32,
    since: u64,
    rejected_before: u64,
}

pub struct Model {
    config: CircuitBreakerConfig,
    pub switched: Switched,
    state: State,
    since: u64,
    reason: Option<CircuitReason>,
    epoch: u64,
    next_id: u64,
    records: Records,
    /// Unresolved trial calls, and when they were admitted.
    trials: BTreeMap<u64, u64>,
    trial_results: Vec<bool>,
    failed_cycles: u32,
    evidence: Evidence,
    episode: Episode,
    opened: u64,
    episodes: u64,
    restarted: u64,
    totals: Totals,
    pub events: Vec<Event>,
}

impl Model {
    pub fn new(config: CircuitBreakerConfig) -> Self {
        Self {
            config,
            switched: Switched::ENFORCES,
            state: State::Closed,
            since: 0,
            reason: None,
            epoch: 0,
            next_id: 0,
            records: Records::default(),
            trials: BTreeMap::new(),
            trial_results: Vec::new(),
            failed_cycles: 0,
            evidence: Evidence::default(),
            episode: Episode { opened: 0, since: 0, rejected_before: 0 },
            opened: 0,
            episodes: 0,
            restarted: 0,
            totals: Totals::default(),
            events: Vec::new(),
        }
    }

    /// Each transition starts a new epoch.
    fn enter(&mut self, to: State, reason: CircuitReason, now: u64) {
        let from = self.state;
        let (was_closed, is_closed) =
            (state(from) == CircuitState::Closed, state(to) == CircuitState::Closed);
        if from == State::Closed || was_closed && !is_closed {
            self.episode = Episode { opened: 0, since: now, rejected_before: self.totals.refused };
        }
        if state(to) == CircuitState::Open {
            self.opened += 1;
            self.episode.opened += 1;
            self.episodes += u64::from(was_closed);
        }
        if is_closed {
            self.records.begin(Some(now));
            self.failed_cycles = 0;
        }
        self.records.forget();
        self.trials.clear();
        self.trial_results.clear();
        (self.state, self.since, self.reason) = (to, now, Some(reason));
        self.epoch += 1;
        self.events.push(Event {
            from: state(from),
            to: state(to),
            control: control(to),
            reason,
            evidence: self.evidence.clone(),
            retry_after: self.refusal(now).flatten(),
            opened: self.episode.opened,
            not_closed_for: now - self.episode.since,
            rejected: self.totals.refused - self.episode.rejected_before,
        });
    }

    fn evidence_now(&mut self, now: u64) -> Evidence {
        self.records.evidence(self.config.window, now)
    }

    /// Whether a call would be refused if that is enforced, and how long it is told to wait.
    fn refusal(&self, now: u64) -> Option<Option<u64>> {
        match self.state {
            State::Open(until) if now < until => Some(Some(until - now)),
            State::Isolated(until) if now < until => Some(None),
            State::HalfOpen if !self.has_slot() => {
                let oldest = self.trials.values().copied().min().unwrap_or(NEVER);
                let given_up = oldest.saturating_add(millis(self.config.trial_timeout));
                (now < given_up).then(|| (given_up < NEVER).then(|| given_up - now))
            }
            _ => None,
        }
    }

    fn has_slot(&self) -> bool {
        self.trials.len() + self.trial_results.len() < self.config.trial_calls as usize
    }

    pub fn would_refuse(&self, now: u64) -> bool {
        self.switched.at(now) == Mode::Enforce && self.refusal(now).is_some()
    }

    /// What the call may do, or how long it is told to wait.
    pub fn admit(&mut self, now: u64) -> Result<Permit, Option<u64>> {
        let mode = self.switched.at(now);
        if mode == Mode::Off && self.state != State::Closed {
            return Ok(self.permit(true, now));
        }
        if let Some(wait) = self.refusal(now) {
            if mode == Mode::Enforce {
                return Err(wait);
            }
            self.totals.would_reject += 1;
            return Ok(self.permit(true, now));
        }
        match self.state {
            State::Open(_) => self.enter(State::HalfOpen, CircuitReason::OpenTimeOver, now),
            State::Isolated(until) | State::Bypassed(until) if now >= until => {
                self.enter(State::Closed, CircuitReason::TimeToLiveOver, now);
            }
            // Nobody knows what became of them.
            State::HalfOpen if !self.has_slot() => {
                self.restart_trials();
                self.restarted += 1;
            }
            _ => {}
        }
        let permit = self.permit(matches!(self.state, State::Bypassed(_)), now);
        if self.state == State::HalfOpen {
            self.trials.insert(permit.id, now);
        }
        Ok(permit)
    }

    fn permit(&mut self, is_passed: bool, now: u64) -> Permit {
        self.totals.admitted += 1;
        self.next_id += 1;
        Permit { id: self.next_id, epoch: self.epoch, is_passed, started: now }
    }

    /// A call was told so.
    pub fn refused(&mut self) {
        self.totals.refused += 1;
    }

    fn restart_trials(&mut self) {
        self.trials.clear();
        self.trial_results.clear();
        self.records.forget_causes();
        self.epoch += 1;
    }

    pub fn settle(&mut self, permit: Permit, ending: Ending, now: u64) {
        let took = now - permit.started;
        let limit = self.config.cancelled_after.map_or(NEVER, millis);
        let has_hung = ending == Ending::Dropped && took >= limit;
        let ending = if has_hung { Ending::Failure("cancelled") } else { ending };
        self.totals.count(ending, (!has_hung).then_some(took));
        if permit.is_passed {
            return;
        }
        let is_result = !matches!(ending, Ending::Dropped | Ending::Panicked);
        if permit.epoch != self.epoch {
            self.totals.late += u64::from(is_result);
            return;
        }
        let was_trial = self.trials.remove(&permit.id).is_some();
        let (Ending::Success | Ending::Failure(_)) = ending else { return };
        if self.switched.at(now) == Mode::Off {
            return;
        }
        let slow = self.config.slow_call_duration.is_some_and(|limit| took > millis(limit));
        let cause = if let Ending::Failure(cause) = ending { Some(cause) } else { None };
        if was_trial {
            self.record_trial(cause.or(slow.then_some("slow")), now);
        } else {
            self.record(cause, slow, now);
        }
    }

    fn record(&mut self, cause: Option<&'static str>, slow: bool, now: u64) {
        self.records.record(self.config.window, cause, slow, now);
        let mut evidence = self.evidence_now(now);
        let Some(reason) = self.opens(&evidence, cause.is_some(), slow, now) else { return };
        if reason == CircuitReason::Outage {
            evidence.causes = self.records.latest_causes(evidence.in_a_row);
        }
        self.evidence = evidence;
        self.open(reason, now);
    }

    /// Evaluated when a failure or a slow call is recorded; a success never opens it.
    fn opens(&self, seen: &Evidence, failed: bool, slow: bool, now: u64) -> Option<CircuitReason> {
        let config = &self.config;
        let reaches =
            |part: u64, share: f64| seen.recorded > 0 && part as f64 / seen.recorded as f64 >= share;
        let enough = seen.recorded >= u64::from(config.min_calls);
        if failed && enough && reaches(seen.failures, config.failure_rate) {
            return Some(CircuitReason::FailureRate);
        }
        let is_outage = config.outage.is_some_and(|rule| {
            seen.in_a_row >= u64::from(rule.failures)
                && self.records.failing_for(now).is_some_and(|time| time >= millis(rule.span))
        });
        if failed && is_outage {
            return Some(CircuitReason::Outage);
        }
        let too_slow = config.slow_call_rate.is_some_and(|rate| reaches(seen.slow, rate));
        (slow && enough && too_slow).then_some(CircuitReason::SlowCalls)
    }

    fn record_trial(&mut self, cause: Option<&'static str>, now: u64) {
        self.records.failed(cause);
        self.trial_results.push(cause.is_none());
        let failures = self.trial_results.iter().filter(|success| !**success).count();
        let successes = self.trial_results.len() - failures;
        if successes >= self.config.trial_successes as usize {
            self.enter(State::Closed, CircuitReason::TrialsSucceeded, now);
        } else if self.config.trial_calls as usize - failures < self.config.trial_successes as usize {
            self.evidence = Evidence {
                recorded: self.trial_results.len() as u64,
                failures: failures as u64,
                slow: 0,
                in_a_row: 0,
                causes: self.records.latest_causes(failures as u64),
            };
            self.failed_cycles += 1;
            self.open(CircuitReason::TrialsFailed, now);
        }
    }

    fn open(&mut self, reason: CircuitReason, now: u64) {
        let mut wait = self.config.open_time;
        for _ in 0..self.failed_cycles {
            wait = wait.mul_f64(self.config.open_time_factor).min(self.config.open_time_cap);
        }
        self.enter(State::Open(now + millis(wait)), reason, now);
    }

    fn hold(&mut self, to: State, reason: CircuitReason, now: u64) {
        if control(to) == control(self.state) {
            self.state = to;
            return;
        }
        if self.state == State::Closed {
            self.evidence = self.evidence_now(now);
        }
        self.enter(to, reason, now);
    }

    pub fn isolate(&mut self, until: u64, now: u64) {
        self.hold(State::Isolated(until), CircuitReason::Isolated, now);
    }

    pub fn bypass(&mut self, until: u64, now: u64) {
        self.hold(State::Bypassed(until), CircuitReason::Bypassed, now);
    }

    pub fn automatic(&mut self, now: u64) {
        if control(self.state) != CircuitControl::Automatic {
            self.enter(State::Closed, CircuitReason::Automatic, now);
        }
    }

    /// Of a closed breaker it clears the window, and is no transition.
    pub fn reset(&mut self, now: u64) {
        let (was, since, reason) = (self.state, self.since, self.reason);
        self.enter(State::Closed, CircuitReason::Reset, now);
        self.evidence = Evidence::default();
        if was == State::Closed {
            self.events.pop();
            (self.since, self.reason) = (since, reason);
        }
    }

    pub fn reconfigure(&mut self, config: CircuitBreakerConfig) {
        if config.window != self.config.window {
            self.records.begin(None);
            if self.state == State::Closed {
                self.records.forget_causes();
            }
        }
        let trials = |of: &CircuitBreakerConfig| (of.trial_calls, of.trial_successes, of.trial_timeout);
        if trials(&config) != trials(&self.config) && self.state == State::HalfOpen {
            self.restart_trials();
        }
        self.config = config;
    }

    /// What a snapshot shows.
    pub fn shows(&mut self, now: u64) -> Show {
        let is_closed = state(self.state) == CircuitState::Closed;
        let evidence = if is_closed { self.evidence_now(now) } else { self.evidence.clone() };
        let successes = self.trial_results.iter().filter(|success| **success).count();
        let held_until = match self.state {
            State::Isolated(until) | State::Bypassed(until) if until < NEVER => Some(until),
            _ => None,
        };
        Show {
            state: state(self.state),
            control: control(self.state),
            reason: self.reason,
            in_state_for: now - self.since,
            retry_after: self.refusal(now).flatten(),
            control_remaining: held_until.map(|until| until.saturating_sub(now)),
            mode: self.switched.at(now),
            evidence,
            trials: [self.trials.len(), successes, self.trial_results.len() - successes],
            opened: self.opened,
            episodes: self.episodes,
            restarted: self.restarted,
            totals: self.totals,
        }
    }
}

fn state(of: State) -> CircuitState {
    match of {
        State::Closed | State::Bypassed(_) => CircuitState::Closed,
        State::Open(_) | State::Isolated(_) => CircuitState::Open,
        State::HalfOpen => CircuitState::HalfOpen,
    }
}

fn control(of: State) -> CircuitControl {
    match of {
        State::Isolated(_) => CircuitControl::Isolated,
        State::Bypassed(_) => CircuitControl::Bypassed,
        _ => CircuitControl::Automatic,
    }
}
