use std::fmt;
use std::future::poll_fn;
use std::time::Duration;

use super::permit::KeyedCircuitPermit;
use super::snapshot::Sum;
use crate::algo::breaker::{After, CircuitState, Refusal, Settings, Shell};
use crate::algo::histogram::Histogram;
use crate::algo::keyed::Kept;
use crate::attempt;
use crate::circuit_breaker::config::CircuitBreakerConfig;
use crate::circuit_breaker::delivery;
use crate::circuit_breaker::durations::Durations;
use crate::circuit_breaker::event::CircuitEvent;
use crate::circuit_breaker::permit::Desk;
use crate::circuit_breaker::snapshot::CircuitBreakerSnapshot;
use crate::circuit_breaker::wait::{Awaited, Wait};
use crate::clock;
use crate::mode::Mode;
use crate::registry::{Panel, Registry};
use crate::reject::{Rejected, RejectedKind, Source};
use crate::rng::Rng;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering::Relaxed, lock};
use crate::units::Instant;

/// What the circuits of all keys have in common.
pub(super) struct Common {
    pub(super) panel: Panel,
    pub(super) durations: Durations,
    pub(super) settings: Mutex<(CircuitBreakerConfig, Settings)>,
    /// How many circuits are not closed, as far as was told of. A number that stands for itself, hence relaxed.
    not_closed: AtomicU64,
}

impl Common {
    pub(super) fn new(panel: Panel, config: CircuitBreakerConfig, settings: Settings) -> Self {
        Self {
            panel,
            durations: Durations::new(),
            settings: Mutex::new((config, settings)),
            not_closed: AtomicU64::new(0),
        }
    }
}

/// The breaker of one key.
pub(crate) struct Circuit {
    pub(super) shell: Shell,
    pub(super) common: Arc<Common>,
    /// The key in words, for people only.
    pub(super) key: Box<str>,
    /// Whether it is among [`Common::not_closed`]. Written by whoever delivers, and who that is goes by a lock; hence relaxed.
    is_told: AtomicBool,
}

impl Circuit {
    pub(super) fn new(common: &Arc<Common>, key: Box<str>, now: Instant) -> Self {
        let (seed, settings) = {
            let known = lock(&common.settings);
            (known.0.seed, known.1)
        };
        let shell = Shell::small(settings, Rng::new(seed), now, attempt::current);
        Self { shell, common: Arc::clone(common), key, is_told: AtomicBool::new(false) }
    }

    /// Lets a call through, or says why not, which is not counted yet.
    pub(super) fn admit_at(self: &Arc<Self>, now: Instant) -> Result<KeyedCircuitPermit, Refusal> {
        let permit = |ticket| KeyedCircuitPermit::new(Arc::clone(self), ticket, now);
        if let Some((ticket, _)) = self.shell.admit_closed() {
            return Ok(permit(ticket));
        }
        let (admitted, after) = self.shell.admit_at(now, Desk::mode(&**self));
        // The permit first: it ends the call if a waker or the log panics.
        let admitted = admitted.map(permit);
        self.finish(after);
        admitted
    }

    #[cold]
    pub(super) fn reject(&self, retry_after: Option<Duration>) -> Rejected {
        clock::check_now_and_then();
        self.shell.count_refused();
        let name = self.common.panel.name_id();
        Rejected::unsent(RejectedKind::CircuitOpen, Source::CircuitBreaker, name, retry_after)
    }

    #[cold]
    fn finish_outside(&self, after: After) {
        delivery::finish(&self.shell, after, |queued| {
            let panel = &self.common.panel;
            let event = CircuitEvent::new(panel.identity(), panel.mode(), queued);
            let level = event.level().filter(|_| self.is_worth_a_line(&event));
            event.log_at(level, Some(&self.key));
            if let Some(level) = level {
                let message = format!("{event} (key {})", self.key);
                Registry::global().note(Some(panel.identity()), level, "circuit", message);
            }
        });
    }

    /// Where everything behind it fails, some circuits stand for all of them: a storm of keys must not become a storm
    /// of lines.
    fn is_worth_a_line(&self, event: &CircuitEvent) -> bool {
        const LINES: u64 = 10;
        self.count_among_not_closed(event.to != CircuitState::Closed) < LINES
    }

    /// Tells how many others are not closed.
    fn count_among_not_closed(&self, is_one: bool) -> u64 {
        let not_closed = &self.common.not_closed;
        match (self.is_told.swap(is_one, Relaxed), is_one) {
            (false, false) => not_closed.load(Relaxed),
            (false, true) => not_closed.fetch_add(1, Relaxed),
            (true, false) => not_closed.fetch_sub(1, Relaxed).saturating_sub(1),
            (true, true) => not_closed.load(Relaxed).saturating_sub(1),
        }
    }

    pub(super) fn snapshot(&self) -> CircuitBreakerSnapshot {
        let threshold = lock(&self.common.settings).0.failure_rate;
        let (view, totals) = self.shell.view_at(clock::now());
        let panel = &self.common.panel;
        let name = panel.name();
        CircuitBreakerSnapshot::new(name, panel.mode(), threshold, view, totals, Histogram::default(), 0)
    }
}

impl Desk for Circuit {
    #[inline]
    fn shell(&self) -> &Shell {
        &self.shell
    }

    #[inline]
    fn mode(&self) -> Mode {
        self.common.panel.mode()
    }

    fn record_duration(&self, time: Duration) {
        self.common.durations.record(time);
    }

    #[inline]
    fn finish(&self, after: After) {
        if after.deliver || !after.wakers.is_empty() {
            self.finish_outside(after);
        }
    }
}

impl Awaited for Arc<Circuit> {
    fn shell(&self) -> &Shell {
        &self.shell
    }

    fn mode_until(&self) -> (Mode, Instant) {
        self.common.panel.mode_until()
    }
}

impl Kept for Circuit {
    type Totals = Sum;

    fn is_idle(&mut self, now: Instant) -> bool {
        self.shell.is_idle(now)
    }

    fn retire(&self, into: &mut Sum) {
        *into = into.plus(Sum::of(&self.shell.view_at(clock::now())));
        // It may go without having been closed.
        self.count_among_not_closed(false);
    }
}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shell.state();
        f.debug_struct("Circuit").field("key", &self.key).field("state", &state).finish()
    }
}

/// The circuit of one key: state, counts, and control by hand. Made by
/// [`KeyedCircuitBreaker::get`](super::KeyedCircuitBreaker::get). As long as there is one, the key keeps its place.
///
/// ```
/// use buttress::{CircuitBreakerConfig, CircuitState, KeyedCircuitBreaker};
///
/// let breaker = KeyedCircuitBreaker::new(CircuitBreakerConfig::default()).named("storage");
/// assert!(breaker.get("shard-7").is_none());
/// let circuit = breaker.get_or_make("shard-7").unwrap();
/// circuit.isolate();
/// assert!(breaker.try_admit("shard-7").is_err());
/// assert!(breaker.try_admit("shard-8").is_ok());
/// circuit.reset();
/// assert_eq!(circuit.state(), CircuitState::Closed);
/// ```
#[derive(Clone, Debug)]
pub struct KeyedCircuit(pub(super) Arc<Circuit>);

impl KeyedCircuit {
    /// The key, as its `Debug` shows it, on one line and at most 200 characters of it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// What it does with calls. An open one whose open time is over stays open until the next call.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.0.shell.state()
    }

    /// State and counts now, under the name of the whole. How long calls took is told of all keys together, and not
    /// here.
    #[must_use]
    pub fn snapshot(&self) -> CircuitBreakerSnapshot {
        self.0.snapshot()
    }

    /// Waits until a call of this key may proceed, and takes no permit, as
    /// [`CircuitBreaker::ready`](crate::CircuitBreaker::ready) does: so that what cannot be worked on stays in its queue.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Panics
    ///
    /// When it has to wait outside a tokio runtime with time enabled; that is tokio's own panic.
    pub async fn ready(&self) {
        let mut wait = Wait::new(Arc::clone(&self.0));
        poll_fn(|cx| wait.poll(cx)).await;
    }

    /// Holds it open by hand, until [`automatic`](Self::automatic) or [`reset`](Self::reset).
    pub fn isolate(&self) {
        self.0.finish(self.0.shell.isolate(Instant::NEVER, clock::now()));
    }

    /// Holds it open by hand for this time. The first call after that finds it closed.
    pub fn isolate_for(&self, time_to_live: Duration) {
        let now = clock::now();
        self.0.finish(self.0.shell.isolate(now.saturating_add(time_to_live), now));
    }

    /// Lets everything through and records nothing, until [`automatic`](Self::automatic) or [`reset`](Self::reset).
    pub fn bypass(&self) {
        self.0.finish(self.0.shell.bypass(Instant::NEVER, clock::now()));
    }

    /// Lets everything through and records nothing for this time. The first call after that finds it closed.
    pub fn bypass_for(&self, time_to_live: Duration) {
        let now = clock::now();
        self.0.finish(self.0.shell.bypass(now.saturating_add(time_to_live), now));
    }

    /// Ends [`isolate`](Self::isolate) and [`bypass`](Self::bypass): closed, with an empty window.
    pub fn automatic(&self) {
        self.0.finish(self.0.shell.automatic(clock::now()));
    }

    /// Closes it and forgets what was recorded, also when it is closed. Counts since the beginning stay.
    pub fn reset(&self) {
        self.0.finish(self.0.shell.reset(clock::now()));
    }
}
