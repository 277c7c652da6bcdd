use std::fmt;
use std::future::poll_fn;
use std::time::Duration;

use super::audience::Audience;
use super::config::CircuitBreakerConfig;
use super::delivery;
use super::durations::Durations;
use super::event::CircuitEvent;
use super::listeners::{Listeners, Subscription};
use super::permit::{CircuitPermit, Desk};
use super::snapshot::CircuitBreakerSnapshot;
use super::wait::{Awaited, Wait};
use crate::algo::breaker::{After, CircuitState, Outlook, Refusal, Settings, Shell, Ticket};
use crate::attempt;
use crate::clock;
use crate::error::{InvalidConfig, valid};
use crate::macros::panel;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Panel, Registry, Visit};
use crate::reject::{Rejected, RejectedKind, Source};
use crate::rng::Rng;
use crate::spread::{Spread, spared};
use crate::sync::{Arc, Mutex, lock};
use crate::units::Instant;

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
pub struct CircuitBreaker(Arc<Spread<Shared>>);

pub(super) struct Shared {
    shell: Shell,
    durations: Durations,
    panel: Panel,
    /// What the settings were made of.
    config: Mutex<CircuitBreakerConfig>,
    audience: Audience,
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

    /// Lets a call through, or says why not.
    ///
    /// # Errors
    ///
    /// If the breaker is open, or half-open without a free slot.
    #[doc(alias = "acquire_permission")]
    #[doc(alias = "allow")]
    pub fn try_admit(&self) -> Result<CircuitPermit, Rejected> {
        self.try_admit_at(clock::now())
    }

    pub(crate) fn try_admit_at(&self, now: Instant) -> Result<CircuitPermit, Rejected> {
        self.admit_at(now).map_err(|refusal| self.reject(refusal.retry_after))
    }

    fn admit_at(&self, now: Instant) -> Result<CircuitPermit, Refusal> {
        let permit = |ticket| CircuitPermit::new(self.0.lend(), ticket, now);
        match self.0.shell.admit_closed() {
            Some((ticket, _)) => Ok(permit(ticket)),
            None => self.admit_otherwise(now, permit),
        }
    }

    #[cold]
    fn admit_otherwise(
        &self,
        now: Instant,
        permit: impl FnOnce(Ticket) -> CircuitPermit,
    ) -> Result<CircuitPermit, Refusal> {
        let (admitted, after) = self.0.shell.admit_at(now, self.0.panel.mode());
        // The permit first: it ends the call if a waker or the log panics.
        let admitted = admitted.map(permit);
        self.0.finish(after);
        admitted
    }

    /// The common case of [`admit`](Self::admit): a closed breaker. Without a look at the clock where none is needed: the
    /// future takes the time when the answer is first pending.
    #[inline(always)]
    pub(super) fn admit_closed(&self) -> Option<CircuitPermit> {
        let (ticket, is_timed) = self.0.shell.admit_closed()?;
        Some(self.permit(ticket, is_timed))
    }

    /// As [`try_admit`](Self::try_admit), for a call that begins when its future is polled.
    #[cold]
    pub(super) fn admit(&self) -> Result<CircuitPermit, Rejected> {
        let permit = |ticket| self.permit(ticket, self.0.shell.times_calls());
        self.admit_otherwise(clock::now(), permit).map_err(|refusal| self.reject(refusal.retry_after))
    }

    /// Of a call that begins when its future is polled.
    #[inline]
    fn permit(&self, ticket: Ticket, is_timed: bool) -> CircuitPermit {
        let started = if is_timed { now() } else { Instant::NEVER };
        CircuitPermit::new(self.0.lend(), ticket, started).not_begun()
    }

    /// Waits until a call may proceed, for as long as it takes: while the breaker is open or isolated, or all
    /// trial slots are taken. So the consumer of a queue pauses instead of rejecting what it consumed.
    ///
    /// Several who wait are not served in any order.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Panics
    ///
    /// When it has to wait outside a tokio runtime with time enabled; that is tokio's own panic.
    pub async fn acquire(&self) -> CircuitPermit {
        if let Ok(permit) = self.admit_at(clock::now()) {
            return permit;
        }
        let mut wait = Wait::new(self.clone());
        loop {
            poll_fn(|cx| wait.poll(cx)).await;
            if let Ok(permit) = self.admit_at(clock::now()) {
                return permit;
            }
        }
    }

    /// Waits as [`acquire`](Self::acquire) does, and takes no permit: who knows when the next message comes. It promises
    /// nothing: others may be faster.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # let (sender, mut queue) = tokio::sync::mpsc::channel(1);
    /// # sender.send("message").await.unwrap();
    /// # let breaker = buttress::CircuitBreaker::new(buttress::CircuitBreakerConfig::default());
    /// breaker.ready().await;                      // what cannot be worked on stays in the queue
    /// if let Some(message) = queue.recv().await {
    ///     let permit = breaker.acquire().await;
    ///     // .. the work ..
    ///     # let _ = message;
    ///     permit.settle(buttress::Verdict::success());
    /// }
    /// assert_eq!((breaker.snapshot().admitted, breaker.snapshot().cancelled), (1, 0));
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn ready(&self) {
        if self.outlook() == Outlook::Admitted {
            return;
        }
        let mut wait = Wait::new(self.clone());
        poll_fn(|cx| wait.poll(cx)).await;
    }

    /// Holds it open by hand, until [`automatic`](Self::automatic) or [`reset`](Self::reset).
    #[doc(alias = "force_open")]
    #[doc(alias = "trip")]
    pub fn isolate(&self) {
        self.0.finish(self.0.shell.isolate(Instant::NEVER, clock::now()));
    }

    /// Holds it open by hand for this time. The first call after that finds it closed.
    pub fn isolate_for(&self, time_to_live: Duration) {
        let now = clock::now();
        self.0.finish(self.0.shell.isolate(now.saturating_add(time_to_live), now));
    }

    /// Lets everything through and records nothing, until [`automatic`](Self::automatic) or
    /// [`reset`](Self::reset). Calls are counted all the same.
    #[doc(alias = "disable")]
    #[doc(alias = "force_closed")]
    pub fn bypass(&self) {
        self.0.finish(self.0.shell.bypass(Instant::NEVER, clock::now()));
    }

    /// Lets everything through and records nothing for this time. The first call after that finds it closed.
    pub fn bypass_for(&self, time_to_live: Duration) {
        let now = clock::now();
        self.0.finish(self.0.shell.bypass(now.saturating_add(time_to_live), now));
    }

    /// Ends [`isolate`](Self::isolate) and [`bypass`](Self::bypass): closed, with an empty window. Without
    /// either, it changes nothing.
    pub fn automatic(&self) {
        self.0.finish(self.0.shell.automatic(clock::now()));
    }

    /// Closes it and forgets what was recorded, also when it is closed. Counts since the beginning stay.
    #[doc(alias = "force_close")]
    #[doc(alias = "close")]
    pub fn reset(&self) {
        self.0.finish(self.0.shell.reset(clock::now()));
    }

    /// Switches the dry run: it decides as ever, counts what it would reject, and lets it pass.
    pub fn set_dry_run(&self, dry_run: bool) {
        self.at_run_time(|| self.0.panel.set_dry_run(dry_run));
        self.0.mode_changed();
    }

    /// Calls this whenever the state changes, until the [`Subscription`] is dropped.
    ///
    /// The events come in order, one at a time, on the thread of a call that changed the state or of one
    /// shortly before it. No lock is held meanwhile: a listener may use the breaker, and a slow one holds up
    /// that one call and the listeners after it, not other calls. A listener that panics is passed over.
    ///
    /// ```
    /// use buttress::{CircuitBreaker, CircuitBreakerConfig, CircuitState};
    /// use tokio::sync::mpsc;
    ///
    /// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
    /// let (sender, mut receiver) = mpsc::unbounded_channel();
    /// let subscription = breaker.subscribe(move |event| drop(sender.send(event.to)));
    /// breaker.isolate();
    /// breaker.reset();
    /// drop(subscription);
    /// breaker.isolate();
    /// let seen: Vec<_> = std::iter::from_fn(|| receiver.blocking_recv()).collect();
    /// assert_eq!(seen, [CircuitState::Open, CircuitState::Closed]);
    /// ```
    pub fn subscribe(&self, on_event: impl Fn(&CircuitEvent) + Send + Sync + 'static) -> Subscription {
        #[expect(clippy::expect_used, reason = "this is a handle, and as long as there is one they are held")]
        let listeners = self.0.audience.get().expect("held");
        Listeners::add(&listeners, Box::new(on_event))
    }

    #[cold]
    fn reject(&self, retry_after: Option<Duration>) -> Rejected {
        clock::check_now_and_then();
        self.0.shell.count_refused();
        Rejected::unsent(
            RejectedKind::CircuitOpen,
            Source::CircuitBreaker,
            self.0.panel.name_id(),
            retry_after,
        )
    }

    /// The rejection of a call that was promised one.
    #[cold]
    pub(super) fn reject_as_said(&self) -> Rejected {
        let refusal = self.refusal_at(clock::now());
        self.reject(refusal.and_then(|refusal| refusal.retry_after))
    }

    #[cold]
    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.shell.count_not_ready();
        Rejected::unsent(RejectedKind::NotReady, Source::CircuitBreaker, self.0.panel.name_id(), None)
    }

    #[inline]
    pub(super) fn outlook(&self) -> Outlook {
        self.0.shell.outlook(|| self.0.panel.mode(), clock::now)
    }

    pub(super) fn would_refuse(&self) -> bool {
        self.refusal_at(clock::now()).is_some()
    }

    /// The refusal that a call would meet.
    pub(super) fn refusal_at(&self, now: Instant) -> Option<Refusal> {
        self.0.panel.enforces().then(|| self.0.shell.refusal_at(now)).flatten()
    }
}

impl Awaited for CircuitBreaker {
    fn shell(&self) -> &Shell {
        &self.0.shell
    }

    fn mode_until(&self) -> (Mode, Instant) {
        self.0.panel.mode_until()
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
    fn finish(&self, after: After) {
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

/// Not in line: only breakers with a rule about slow calls take the time at the beginning.
#[inline(never)]
fn now() -> Instant {
    clock::now()
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("name", &self.name()).field("state", &self.state()).finish()
    }
}

#[cfg(test)]
mod tests;
