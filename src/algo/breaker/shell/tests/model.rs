//! A circuit breaker as one would write it down: one call after the other, everything that happened in lists.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::algo::window::Counts;

/// One call that was let through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permit {
    id: u64,
    epoch: u64,
    is_passed: bool,
    started: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Closed,
    Open(u64),
    HalfOpen,
    Isolated(u64),
    Bypassed(u64),
}

/// Time in milliseconds; `u64::MAX` is never.
pub(super) struct Model {
    settings: Settings,
    state: State,
    epoch: u64,
    next_id: u64,
    /// Each recorded call: when, failed, slow.
    window: Vec<(u64, bool, bool)>,
    /// When the first bucket began, and the bucket seen last.
    window_start: Option<u64>,
    last_bucket: u64,
    in_a_row: Vec<u64>,
    /// Unresolved trial calls, and when they were admitted.
    trials: BTreeMap<u64, u64>,
    trial_results: Vec<bool>,
    failed_cycles: u32,
    mode: Mode,
    at_opening: (Counts, u64),
    pub(super) opened: u64,
    pub(super) episodes: u64,
    pub(super) totals: Totals,
}

const NEVER: u64 = u64::MAX;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

impl Model {
    pub(super) fn new(settings: Settings) -> Self {
        let none = Totals {
            admitted: 0,
            succeeded: 0,
            failed: 0,
            throttled: 0,
            ignored: 0,
            cancelled: 0,
            given_up: 0,
            panicked: 0,
            late: 0,
            refused: 0,
            not_ready: 0,
            would_reject: 0,
        };
        Self {
            settings,
            state: State::Closed,
            epoch: 0,
            next_id: 0,
            window: Vec::new(),
            window_start: None,
            last_bucket: 0,
            in_a_row: Vec::new(),
            trials: BTreeMap::new(),
            trial_results: Vec::new(),
            failed_cycles: 0,
            mode: Mode::Enforce,
            at_opening: (Counts { recorded: 0, failures: 0, slow: 0 }, 0),
            opened: 0,
            episodes: 0,
            totals: none,
        }
    }

    fn enter(&mut self, state: State, now: u64) {
        if matches!(state, State::Open(_) | State::Isolated(_)) {
            self.opened += 1;
            let was_closed = matches!(self.state, State::Closed | State::Bypassed(_));
            self.episodes += u64::from(was_closed);
        }
        if matches!(state, State::Closed | State::Bypassed(_)) {
            self.window.clear();
            self.window_start = Some(now);
            self.last_bucket = 0;
            self.failed_cycles = 0;
        }
        self.in_a_row.clear();
        self.trials.clear();
        self.trial_results.clear();
        self.state = state;
        self.epoch += 1;
    }

    /// Lets go of what the window does not hold any more.
    fn slide(&mut self, now: u64) {
        match self.settings.window {
            Shape::Last(size) => {
                let surplus = self.window.len().saturating_sub(size as usize);
                self.window.drain(..surplus);
            }
            Shape::Time { bucket, buckets } => {
                let (width, buckets) = (millis(bucket), u64::from(buckets));
                let start = *self.window_start.get_or_insert(now);
                let current = now.saturating_sub(start) / width;
                if current >= self.last_bucket + buckets {
                    // A window that was forgotten begins anew.
                    self.window.clear();
                    self.window_start = Some(now);
                    self.last_bucket = 0;
                } else {
                    self.last_bucket = current;
                    let oldest = (start + (current + 1) * width).saturating_sub(buckets * width);
                    self.window.retain(|(time, ..)| *time >= oldest);
                }
            }
        }
    }

    fn counts(&mut self, now: u64) -> Counts {
        self.slide(now);
        Counts {
            recorded: self.window.len() as u64,
            failures: self.window.iter().filter(|call| call.1).count() as u64,
            slow: self.window.iter().filter(|call| call.2).count() as u64,
        }
    }

    /// What the call may do, or how long it is told to wait.
    pub(super) fn admit(&mut self, now: u64) -> Result<Permit, Option<u64>> {
        if self.mode == Mode::Off && self.state != State::Closed {
            self.totals.admitted += 1;
            self.next_id += 1;
            return Ok(Permit { id: self.next_id, epoch: self.epoch, is_passed: true, started: now });
        }
        match self.state {
            State::Open(until) if now >= until => self.enter(State::HalfOpen, now),
            State::Isolated(until) | State::Bypassed(until) if now >= until => {
                self.enter(State::Closed, now);
            }
            _ => {}
        }
        let rule = self.settings.trials;
        let mut is_passed = false;
        let refused = match self.state {
            State::Closed => None,
            State::Bypassed(_) => {
                is_passed = true;
                None
            }
            State::Open(until) => Some(Some(until - now)),
            State::Isolated(_) => Some(None),
            State::HalfOpen => {
                let is_full = self.trials.len() + self.trial_results.len() >= rule.calls as usize;
                let oldest = self.trials.values().copied().min().unwrap_or(NEVER);
                let given_up = oldest.saturating_add(millis(rule.timeout));
                if is_full && now >= given_up {
                    self.trials.clear();
                    self.trial_results.clear();
                    self.epoch += 1;
                }
                (is_full && now < given_up).then(|| Some(given_up - now))
            }
        };
        if let Some(wait) = refused {
            if self.mode == Mode::Enforce {
                self.totals.refused += 1;
                return Err(wait);
            }
            self.totals.would_reject += 1;
            is_passed = true;
        }
        self.totals.admitted += 1;
        self.next_id += 1;
        if self.state == State::HalfOpen && !is_passed {
            self.trials.insert(self.next_id, now);
        }
        Ok(Permit { id: self.next_id, epoch: self.epoch, is_passed, started: now })
    }

    pub(super) fn settle(&mut self, permit: Permit, ending: Ending, now: u64) {
        let took = Duration::from_millis(now.saturating_sub(permit.started));
        let limit = self.settings.cancelled_after;
        let ending = match ending {
            Ending::Cancelled { by_panic: false } if limit.is_some_and(|limit| took >= limit) => {
                self.totals.given_up += 1;
                FAILURE
            }
            other => other,
        };
        let total = match ending {
            Ending::Success => &mut self.totals.succeeded,
            Ending::Failure(_) => &mut self.totals.failed,
            Ending::Throttled => &mut self.totals.throttled,
            Ending::Ignored => &mut self.totals.ignored,
            Ending::Cancelled { .. } => &mut self.totals.cancelled,
        };
        *total += 1;
        if matches!(ending, Ending::Cancelled { by_panic: true }) {
            self.totals.panicked += 1;
        }
        if permit.is_passed {
            return;
        }
        if permit.epoch != self.epoch {
            self.totals.late += u64::from(!matches!(ending, Ending::Cancelled { .. }));
            return;
        }
        if self.mode == Mode::Off {
            self.trials.remove(&permit.id);
            return;
        }
        let slow = self.settings.slow.is_some_and(|rule| took > rule.longer_than);
        let failed = matches!(ending, Ending::Failure(_));
        if !failed && ending != Ending::Success {
            self.trials.remove(&permit.id);
        } else if self.state == State::HalfOpen {
            self.trials.remove(&permit.id);
            self.trial_results.push(!failed && !slow);
            self.judge_trials(now);
        } else {
            self.slide(now);
            self.window.push((now, failed, slow));
            if failed {
                self.in_a_row.push(now)
            } else {
                self.in_a_row.clear()
            }
            self.judge(failed, slow, now);
        }
    }

    fn judge(&mut self, failed: bool, slow: bool, now: u64) {
        let counts = self.counts(now);
        let rate = |part: u64| part as f64 / counts.recorded as f64;
        let enough = counts.recorded >= self.settings.min_calls;
        let too_many = failed && enough && rate(counts.failures) >= self.settings.failure_rate.get();
        let outage = failed
            && self.settings.outage.is_some_and(|rule| {
                self.in_a_row.len() as u64 >= rule.failures && now - self.in_a_row[0] >= millis(rule.span)
            });
        let too_slow =
            slow && enough && self.settings.slow.is_some_and(|r| rate(counts.slow) >= r.rate.get());
        if too_many || outage || too_slow {
            self.at_opening = (counts, self.in_a_row.len() as u64);
            self.open(now);
        }
    }

    fn judge_trials(&mut self, now: u64) {
        let rule = self.settings.trials;
        let failures = self.trial_results.iter().filter(|success| !**success).count() as u32;
        let successes = self.trial_results.len() as u32 - failures;
        if successes >= rule.successes {
            self.enter(State::Closed, now);
        } else if rule.calls - failures < rule.successes {
            let recorded = u64::from(successes + failures);
            self.at_opening = (Counts { recorded, failures: failures.into(), slow: 0 }, 0);
            self.failed_cycles += 1;
            self.open(now);
        }
    }

    fn open(&mut self, now: u64) {
        let time = self.settings.open_time;
        let mut wait = time.base;
        for _ in 0..self.failed_cycles {
            wait = wait.mul_f64(time.factor).min(time.cap);
        }
        self.enter(State::Open(now + millis(wait)), now);
    }

    fn hold(&mut self, state: State, now: u64) {
        if std::mem::discriminant(&state) == std::mem::discriminant(&self.state) {
            self.state = state;
            return;
        }
        if self.state == State::Closed {
            self.at_opening = (self.counts(now), self.in_a_row.len() as u64);
        }
        self.enter(state, now);
    }

    pub(super) fn isolate(&mut self, until: u64, now: u64) {
        self.hold(State::Isolated(until), now);
    }

    pub(super) fn bypass(&mut self, until: u64, now: u64) {
        self.hold(State::Bypassed(until), now);
    }

    pub(super) fn automatic(&mut self, now: u64) {
        if matches!(self.state, State::Isolated(_) | State::Bypassed(_)) {
            self.enter(State::Closed, now);
        }
    }

    pub(super) fn reset(&mut self, now: u64) {
        self.enter(State::Closed, now);
    }

    pub(super) fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    pub(super) fn reconfigure(&mut self, settings: Settings) {
        if settings.window != self.settings.window {
            self.window.clear();
            self.window_start = None;
            self.last_bucket = 0;
        }
        if settings.trials != self.settings.trials && self.state == State::HalfOpen {
            self.trials.clear();
            self.trial_results.clear();
            self.epoch += 1;
        }
        self.settings = settings;
    }

    pub(super) fn state(&self) -> CircuitState {
        match self.state {
            State::Closed | State::Bypassed(_) => CircuitState::Closed,
            State::Open(_) | State::Isolated(_) => CircuitState::Open,
            State::HalfOpen => CircuitState::HalfOpen,
        }
    }

    /// What the snapshot shows: calls that count, failures in a row, trial calls unresolved and resolved.
    pub(super) fn shows(&mut self, now: u64) -> (Counts, u64, usize, usize) {
        let (counts, in_a_row) = if self.state() == CircuitState::Closed {
            (self.counts(now), self.in_a_row.len() as u64)
        } else {
            self.at_opening
        };
        (counts, in_a_row, self.trials.len(), self.trial_results.len())
    }
}
