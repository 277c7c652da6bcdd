use std::time::Duration;

use super::causes::CauseLog;
use super::episode::Episode;
use super::phase::{Inputs, Phase, Recorded, Refusal, Role};
use super::report::{Evidence, MachineView, Transition};
use super::rules::{Settings, Streak};
use super::state::{CircuitControl, CircuitReason, CircuitState};
use super::trials::{Outlook, Trials};
use crate::algo::window::{Counts, Shape, Window};
use crate::units::Instant;

/// The state of a circuit breaker, and all of its decisions.
///
/// ```text
///            failure rate, outage, slow calls
///   closed ────────────────────────────────────▶ open ◀──┐
///     ▲                                            │     │ too many trial
///     │                    open time over, a call  │     │ calls failed
///     │   enough trial calls succeeded             ▼     │
///     └──────────────────────────────────────── half-open┘
/// ```
///
/// Every transition starts a new epoch. Whoever was let through carries the epoch of that moment, and a
/// result from another one changes nothing here.
#[derive(Debug)]
pub(crate) struct Machine {
    settings: Settings,
    phase: Phase,
    epoch: u32,
    since: Instant,
    reason: Option<CircuitReason>,
    window: Window,
    streak: Streak,
    /// When a call failed, was slow or was a trial call for the last time.
    last_news: Instant,
    causes: CauseLog,
    trials: Trials,
    /// Half-opens that failed since it was last closed.
    failed_cycles: u32,
    /// What the last decision to open was based on.
    evidence: Evidence,
    episode: Episode,
    opened: u64,
    /// Openings from closed.
    episodes: u64,
    restarted: u64,
}

impl Machine {
    pub(super) fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            phase: Phase::Closed,
            epoch: 0,
            since: now,
            reason: None,
            window: Window::new(settings.window),
            streak: Streak::NONE,
            last_news: now,
            causes: CauseLog::new(),
            trials: Trials::new(settings.trials.calls),
            failed_cycles: 0,
            evidence: Evidence::NONE,
            episode: Episode::begin(now, 0),
            opened: 0,
            episodes: 0,
            restarted: 0,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Until when successes may be collected outside.
    pub(super) fn window_until(&self) -> Instant {
        self.window.until()
    }

    /// Successes that were collected outside, of this epoch and up to now.
    pub(super) fn push_successes(&mut self, count: u64) {
        if count > 0 && self.phase == Phase::Closed {
            self.window.push_successes(count);
            self.streak = Streak::NONE;
        }
    }

    /// Lets go of what has left the window.
    pub(super) fn advance(&mut self, now: Instant) {
        self.window.advance(now);
    }

    /// Whether a call would be refused. Changes nothing.
    pub(super) fn refusal(&self, now: Instant) -> Option<Refusal> {
        match self.phase {
            Phase::Closed | Phase::Bypassed { .. } => None,
            Phase::HalfOpen if self.trials.has_room() => None,
            phase => {
                let until = match phase {
                    Phase::HalfOpen => self.trials.give_up_at(self.settings.trials.timeout),
                    phase => phase.until(),
                };
                // What a hand holds, a hand may let go of at any time.
                let is_known = phase.control() == CircuitControl::Automatic && until < Instant::NEVER;
                let retry_after = is_known.then(|| until.saturating_since(now));
                (now < until).then_some(Refusal { until, retry_after })
            }
        }
    }

    /// Lets a call through, or says why not.
    pub(super) fn admit(&mut self, inputs: &Inputs<'_>) -> (Result<Role, Refusal>, Option<Transition>) {
        if let Some(refusal) = self.refusal(inputs.now) {
            return (Err(refusal), None);
        }
        let is_over = inputs.now >= self.phase.until();
        let transition = match self.phase {
            Phase::Open { .. } => Some(self.enter(Phase::HalfOpen, CircuitReason::OpenTimeOver, inputs)),
            Phase::Isolated { .. } | Phase::Bypassed { .. } if is_over => {
                Some(self.enter(Phase::Closed, CircuitReason::TimeToLiveOver, inputs))
            }
            _ => None,
        };
        let role = match self.phase {
            Phase::HalfOpen => Role::Trial(self.admit_trial(inputs.now)),
            Phase::Bypassed { .. } => Role::Passed,
            _ => Role::Call,
        };
        (Ok(role), transition)
    }

    /// Only after [`refusal`](Self::refusal) said that there is a slot, or that the cycle is stuck.
    fn admit_trial(&mut self, now: Instant) -> u32 {
        self.last_news = now;
        if !self.trials.has_room() {
            self.restart_trials();
            self.restarted = self.restarted.saturating_add(1);
        }
        self.trials.admit(now).unwrap_or_default()
    }

    /// A new cycle of the same half-open; the trial calls of the old one are late from now on.
    fn restart_trials(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.trials.clear();
        self.causes.clear();
    }

    /// The result of a call of this epoch.
    pub(super) fn record(&mut self, role: Role, result: Recorded, inputs: &Inputs<'_>) -> Option<Transition> {
        match (self.phase, role) {
            (Phase::Closed, Role::Call) => self.record_call(result, inputs),
            (Phase::HalfOpen, Role::Trial(slot)) => self.record_trial(slot, result, inputs),
            _ => None,
        }
    }

    fn record_call(&mut self, result: Recorded, inputs: &Inputs<'_>) -> Option<Transition> {
        let failed = result.failure.is_some();
        self.window.push(failed, result.slow);
        if failed || result.slow {
            self.last_news = inputs.now;
        }
        self.streak = match result.failure {
            Some(cause) => {
                self.causes.push(cause);
                self.streak.after_failure(inputs.now)
            }
            None => Streak::NONE,
        };
        let counts = self.window.counts();
        let reason = self.settings.opens(counts, self.streak, inputs.now, failed, result.slow)?;
        self.evidence = self.evidence_now();
        if reason == CircuitReason::Outage {
            // Not of the failures before the last success, which may have had other causes.
            self.evidence.causes = self.causes.of_latest(self.streak.failures);
        }
        Some(self.open(reason, inputs))
    }

    fn record_trial(&mut self, slot: u32, result: Recorded, inputs: &Inputs<'_>) -> Option<Transition> {
        // An answer that is as slow as those that opened the breaker is no sign that it may close.
        let failure = result.failure.or(result.slow.then_some("slow"));
        if let Some(cause) = failure {
            self.causes.push(cause);
        }
        self.last_news = inputs.now;
        self.trials.resolve(slot, failure.is_none());
        match self.trials.outlook(self.settings.trials) {
            Outlook::Undecided => None,
            Outlook::Passed => Some(self.enter(Phase::Closed, CircuitReason::TrialsSucceeded, inputs)),
            Outlook::Failed => {
                self.failed_cycles = self.failed_cycles.saturating_add(1);
                self.evidence = self.evidence_now();
                Some(self.open(CircuitReason::TrialsFailed, inputs))
            }
        }
    }

    /// A call of this epoch that ended without a result: its trial slot is free again. Says whether there
    /// was one.
    pub(super) fn give_back(&mut self, role: Role) -> bool {
        match (self.phase, role) {
            (Phase::HalfOpen, Role::Trial(slot)) => {
                self.trials.give_back(slot);
                true
            }
            _ => false,
        }
    }

    /// Holds it open by hand.
    pub(super) fn isolate(&mut self, until: Instant, inputs: &Inputs<'_>) -> Option<Transition> {
        self.hold(Phase::Isolated { until }, CircuitReason::Isolated, inputs)
    }

    /// Lets everything through by hand.
    pub(super) fn bypass(&mut self, until: Instant, inputs: &Inputs<'_>) -> Option<Transition> {
        self.hold(Phase::Bypassed { until }, CircuitReason::Bypassed, inputs)
    }

    fn hold(&mut self, phase: Phase, reason: CircuitReason, inputs: &Inputs<'_>) -> Option<Transition> {
        if self.phase.control() == phase.control() {
            // Only the time to live is another.
            self.phase = phase;
            return None;
        }
        if self.phase == Phase::Closed {
            self.evidence = self.evidence_now();
        }
        Some(self.enter(phase, reason, inputs))
    }

    /// Ends what is held by hand.
    pub(super) fn automatic(&mut self, inputs: &Inputs<'_>) -> Option<Transition> {
        let is_held = self.phase.control() != CircuitControl::Automatic;
        is_held.then(|| self.enter(Phase::Closed, CircuitReason::Automatic, inputs))
    }

    /// Closed, and nothing remembered. Only what was not closed before is a transition.
    pub(super) fn reset(&mut self, inputs: &Inputs<'_>) -> Option<Transition> {
        let (was, since, reason) = (self.phase, self.since, self.reason);
        let transition = self.enter(Phase::Closed, CircuitReason::Reset, inputs);
        self.evidence = Evidence::NONE;
        if was == Phase::Closed {
            (self.since, self.reason) = (since, reason);
            return None;
        }
        Some(transition)
    }

    /// New settings. A window of another shape comes along, empty; so do slots for another number of trial
    /// calls, and with them a half-open starts its cycle afresh.
    pub(super) fn reconfigure(&mut self, settings: Settings, spares: &mut Spares) {
        if settings.window != self.settings.window {
            std::mem::swap(&mut self.window, &mut spares.window);
            if self.phase == Phase::Closed {
                self.causes.clear();
            }
        }
        if settings.trials != self.settings.trials {
            std::mem::swap(&mut self.trials, &mut spares.trials);
            if self.phase == Phase::HalfOpen {
                self.restart_trials();
            }
        }
        self.settings = settings;
    }

    fn open(&mut self, reason: CircuitReason, inputs: &Inputs<'_>) -> Transition {
        let time = self.settings.open_time.draw(self.failed_cycles, (inputs.random)());
        self.enter(Phase::Open { until: inputs.now.saturating_add(time) }, reason, inputs)
    }

    fn enter(&mut self, to: Phase, reason: CircuitReason, inputs: &Inputs<'_>) -> Transition {
        let from = self.phase;
        let (was_closed, is_closed) =
            (from.state() == CircuitState::Closed, to.state() == CircuitState::Closed);
        // A bypass counts as well: else its end would tell of an episode long past.
        if from == Phase::Closed || was_closed && !is_closed {
            self.episode = Episode::begin(inputs.now, inputs.refused);
        }
        if to.state() == CircuitState::Open {
            self.opened = self.opened.saturating_add(1);
            self.episodes = self.episodes.saturating_add(u64::from(was_closed));
            self.episode.open();
        }
        self.phase = to;
        self.epoch = self.epoch.wrapping_add(1);
        self.since = inputs.now;
        self.reason = Some(reason);
        self.streak = Streak::NONE;
        self.causes.clear();
        self.trials.clear();
        if is_closed {
            self.window.clear(inputs.now);
            self.failed_cycles = 0;
        }
        Transition {
            from: from.state(),
            to: to.state(),
            control: to.control(),
            reason,
            evidence: self.evidence,
            retry_after: self.refusal(inputs.now).and_then(|refusal| refusal.retry_after),
            episode: self.episode.totals(inputs.now, inputs.refused),
        }
    }

    /// What the calls recorded in this phase say.
    fn evidence_now(&self) -> Evidence {
        let counts = if self.phase == Phase::HalfOpen {
            let failures = self.trials.failures().into();
            Counts {
                recorded: u64::from(self.trials.successes()).saturating_add(failures),
                failures,
                slow: 0,
            }
        } else {
            self.window.counts()
        };
        let causes = self.causes.of_latest(counts.failures);
        Evidence { counts, causes, in_a_row: self.streak.failures }
    }

    /// Whether nothing is known that still counts, so that a fresh machine would do as well.
    ///
    /// Some of it never ends by itself: an open circuit stays open until the next call, a half-open one waits for
    /// trial calls, a window of the last calls keeps its failures, and so does a streak. Here it ends all the same,
    /// after a time that is long for whoever is called at all. Else a key that failed and is never called
    /// again would keep its place for good. What is held by hand counts until the hand lets go.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        const LONG: Duration = Duration::from_secs(60);
        let is_quiet = now.saturating_since(self.last_news) >= LONG;
        match self.phase {
            Phase::Closed => self.is_idle_closed(is_quiet),
            Phase::Open { until } => now >= until.saturating_add(LONG),
            Phase::HalfOpen => is_quiet,
            Phase::Isolated { until } | Phase::Bypassed { until } => now >= until,
        }
    }

    fn is_idle_closed(&self, is_quiet: bool) -> bool {
        let Counts { failures, slow, .. } = self.window.counts();
        let is_clean = failures == 0 && slow == 0;
        let has_streak = self.streak.failures > 0 && self.settings.outage.is_some();
        match self.settings.window {
            Shape::Time { .. } => is_clean && (is_quiet || !has_streak),
            Shape::Last(_) => is_quiet || is_clean && !has_streak,
        }
    }

    /// After which time what was done by hand ends by itself.
    fn control_remaining(&self, now: Instant) -> Option<Duration> {
        let until = self.phase.until();
        let ends = self.phase.control() != CircuitControl::Automatic && until < Instant::NEVER;
        ends.then(|| until.saturating_since(now))
    }

    pub(super) fn view(&self, now: Instant) -> MachineView {
        let is_closed = self.phase.state() == CircuitState::Closed;
        MachineView {
            state: self.phase.state(),
            control: self.phase.control(),
            reason: self.reason,
            in_state_for: now.saturating_since(self.since),
            retry_after: self.refusal(now).and_then(|refusal| refusal.retry_after),
            control_remaining: self.control_remaining(now),
            evidence: if is_closed { self.evidence_now() } else { self.evidence },
            trials_in_flight: self.trials.unresolved(),
            trials_succeeded: self.trials.successes(),
            trials_failed: self.trials.failures(),
            opened: self.opened,
            episodes: self.episodes,
            restarted: self.restarted,
        }
    }
}

/// What new settings need memory for, made before anything is locked, and the old of it to be dropped after.
#[derive(Debug)]
pub(super) struct Spares {
    window: Window,
    trials: Trials,
}

impl Spares {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { window: Window::new(settings.window), trials: Trials::new(settings.trials.calls) }
    }
}

#[cfg(test)]
mod tests;
