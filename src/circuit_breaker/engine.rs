use std::fmt;
use std::time::Duration;

use super::audience::Audience;
use super::config::CircuitBreakerConfig;
use super::delivery;
use super::durations::Durations;
use super::event::CircuitEvent;
use super::permit::Desk;
use super::snapshot::CircuitBreakerSnapshot;
use crate::algo::breaker::{After, CircuitState, Settings, Shell};
use crate::attempt;
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Panel, Registry, Visit};
use crate::rng::Rng;
use crate::spread::{Spread, spared};
use crate::sync::{Arc, Mutex, lock};

/// A circuit breaker: the engine and handle of a [`CircuitBreakerLayer`]. Cheap to clone; all clones share its
/// state.
///
/// [`CircuitBreakerLayer`]: super::CircuitBreakerLayer
///
/// It also works without tower:
///
/// ```
/// use std::time::Duration;
/// use buttress::{CircuitBreaker, CircuitBreakerConfig, CircuitState, RejectedKind, Verdict};
///
/// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("payments");
/// for _ in 0..100 {
///     let permit = breaker.try_admit().unwrap();
///     // .. the call ..
///     permit.settle(Verdict::failure("timeout"));
/// }
/// assert_eq!(breaker.state(), CircuitState::Open);
///
/// let rejected = breaker.try_admit().unwrap_err();
/// assert_eq!(rejected.kind(), RejectedKind::CircuitOpen);
/// assert!(rejected.retry_after().unwrap() <= Duration::from_millis(2_500));
/// ```
#[derive(Clone)]
pub struct CircuitBreaker(pub(super) Arc<Spread<Shared>>);

pub(super) struct Shared {
    pub(super) shell: Shell,
    durations: Durations,
    pub(super) panel: Panel,
    /// What the settings were made of.
    config: Mutex<CircuitBreakerConfig>,
    pub(super) audience: Audience,
}

impl CircuitBreaker {
    /// A closed breaker with these settings.
    ///
    /// # Panics
    ///
    /// If a setting breaks a rule. [`try_new`](Self::try_new) returns an error instead.
    #[track_caller]
    #[must_use]
    pub fn new(config: CircuitBreakerConfig) -> Self {
        valid(Self::try_new(config))
    }

    /// A closed breaker with these settings.
    ///
    /// # Errors
    ///
    /// If a setting breaks a rule.
    #[track_caller]
    pub fn try_new(config: CircuitBreakerConfig) -> Result<Self, InvalidConfig> {
        Self::make(Panel::new("circuit_breaker", Name::of_caller()), config)
    }

    fn make(panel: Panel, config: CircuitBreakerConfig) -> Result<Self, InvalidConfig> {
        let shell = Shell::new(config.check()?, Rng::new(config.seed), clock::now(), attempt::current);
        let shared = Arc::new(Spread::new(Shared {
            shell,
            durations: Durations::new(),
            panel,
            config: Mutex::new(config),
            audience: Audience::new(),
        }));
        Registry::global().join(&shared, shared.value());
        Ok(Self(shared))
    }

    /// The same, under this name. By default it is named after the place that made it.
    #[must_use]
    pub fn named(self, name: impl Into<Name>) -> Self {
        self.0.panel.set_name(name.into(), Arc::strong_count(&self.0));
        self
    }

    /// Another breaker with the same settings: closed, counts at zero, nobody subscribed.
    #[must_use]
    pub fn fork(&self, name: impl Into<Name>) -> Self {
        valid(Self::make(self.0.panel.fork(name.into()), self.config()))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.panel.name()
    }

    /// The settings in force.
    pub fn config(&self) -> CircuitBreakerConfig {
        lock(&self.0.config).clone()
    }

    /// Changes the settings. State and counts stay; a window of another length or kind starts empty, and a
    /// half-open whose trial settings change starts afresh. An open time that runs already is not changed.
    ///
    /// # Errors
    ///
    /// If a setting breaks a rule. Nothing is changed then.
    pub fn set_config(&self, config: CircuitBreakerConfig) -> Result<(), InvalidConfig> {
        let settings = config.check()?;
        self.at_run_time(|| self.put_config(config, settings));
        Ok(())
    }

    fn put_config(&self, config: CircuitBreakerConfig, settings: Settings) {
        let mut current = lock(&self.0.config);
        let rng = (config.seed != current.seed).then(|| Rng::new(config.seed));
        *current = config;
        // Under the lock, so that what `config` tells is what is in force.
        let after = self.0.shell.reconfigure(settings, rng, clock::now());
        drop(current);
        self.0.finish(after);
    }

    /// Switches the dry run: it decides as ever, counts what it would reject, and lets it pass.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
        self.0.mode_changed();
    }

    /// What it does with calls. An open breaker whose open time is over stays open until the next call.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.0.shell.state()
    }

    /// State and counts now.
    #[must_use]
    pub fn snapshot(&self) -> CircuitBreakerSnapshot {
        let threshold = lock(&self.0.config).failure_rate;
        let (view, totals) = self.0.shell.view_at(clock::now());
        let (call_duration, at_once) = self.0.durations.of(&totals);
        CircuitBreakerSnapshot::new(
            self.name(),
            self.0.panel.mode(),
            threshold,
            view,
            totals,
            call_duration,
            at_once,
        )
    }
}

impl Shared {
    fn settings(&self, visit: &mut Visit<'_>) {
        let config = lock(&self.config).clone();
        config.tell(visit);
        self.panel.tell_dry_run(visit);
    }

    /// Nobody has a handle any more.
    fn let_listeners_go(&self) {
        self.audience.let_go();
    }

    /// Who waits may not have to any more.
    fn mode_changed(&self) {
        self.finish(self.shell.wake(clock::now()));
    }

    /// Does what a step left to be done without the lock.
    #[inline]
    pub(super) fn finish(&self, after: After) {
        if after.deliver || !after.wakers.is_empty() {
            self.finish_outside(after);
        }
    }

    #[cold]
    fn finish_outside(&self, after: After) {
        delivery::finish(&self.shell, after, |queued| {
            let event = CircuitEvent::new(self.panel.identity(), self.panel.mode(), queued);
            event.log();
            if let Some(level) = event.level() {
                Registry::global().note(Some(self.panel.identity()), level, "circuit", event.to_string());
            }
            self.audience.tell(&event);
        });
    }
}

impl Desk for Shared {
    #[inline]
    fn shell(&self) -> &Shell {
        &self.shell
    }

    #[inline]
    fn mode(&self) -> Mode {
        self.panel.mode()
    }

    fn record_duration(&self, time: Duration) {
        self.durations.record(time);
    }

    #[inline]
    fn finish(&self, after: After) {
        Self::finish(self, after);
    }
}

spared!(Shared, abandoned: let_listeners_go);
panel!(CircuitBreaker(Spread<Shared>), panel, changed: mode_changed);

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("name", &self.name()).field("state", &self.state()).finish()
    }
}

#[cfg(test)]
mod tests;
