use super::audit;
use super::changes::by_hand;
use super::identity::Identity;
use super::overrides::{Override, OverrideSnapshot};
use super::panel::Panel;
use super::roster::Member;
use super::setting::Setting;
use super::snapshot::EngineSnapshot;
#[cfg(feature = "bulkhead")]
use crate::bulkhead::{Bulkhead, KeyedBulkhead};
#[cfg(feature = "circuit-breaker")]
use crate::circuit_breaker::{CircuitBreaker, KeyedCircuitBreaker};
use crate::clock;
#[cfg(feature = "fallback")]
use crate::fallback::Fallback;
use crate::mode::Mode;
#[cfg(feature = "rate-limit")]
use crate::rate_limit::{KeyedRateLimiter, RateLimiter};
#[cfg(feature = "retry")]
use crate::retry::{Retry, RetryBudget};
#[cfg(feature = "timeout")]
use crate::timeout::Timeout;

/// An engine of any kind, as its handle.
///
/// ```
/// use buttress::{CircuitBreaker, CircuitBreakerConfig, CircuitState};
/// use buttress::registry::{Engine, Registry};
///
/// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("billing");
/// // Elsewhere, without the handle:
/// match Registry::global().find("billing", "circuit_breaker", "billing") {
///     Some(Engine::CircuitBreaker(found)) => found.isolate(),
///     _ => unreachable!(),
/// }
/// assert_eq!(breaker.state(), CircuitState::Open);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Engine {
    /// A circuit breaker.
    #[cfg(feature = "circuit-breaker")]
    CircuitBreaker(CircuitBreaker),
    /// A circuit breaker per key.
    #[cfg(feature = "circuit-breaker")]
    KeyedCircuitBreaker(KeyedCircuitBreaker),
    /// A bulkhead.
    #[cfg(feature = "bulkhead")]
    Bulkhead(Bulkhead),
    /// A bulkhead per key.
    #[cfg(feature = "bulkhead")]
    KeyedBulkhead(KeyedBulkhead),
    /// A rate limiter.
    #[cfg(feature = "rate-limit")]
    RateLimiter(RateLimiter),
    /// A rate limiter per key.
    #[cfg(feature = "rate-limit")]
    KeyedRateLimiter(KeyedRateLimiter),
    /// A retry policy.
    #[cfg(feature = "retry")]
    Retry(Retry),
    /// A retry budget.
    #[cfg(feature = "retry")]
    RetryBudget(RetryBudget),
    /// A timeout.
    #[cfg(feature = "timeout")]
    Timeout(Timeout),
    /// A fallback.
    #[cfg(feature = "fallback")]
    Fallback(Fallback),
}

impl Engine {
    pub(crate) fn member(&self) -> &dyn Member {
        match self {
            #[cfg(feature = "circuit-breaker")]
            Self::CircuitBreaker(engine) => engine.member(),
            #[cfg(feature = "circuit-breaker")]
            Self::KeyedCircuitBreaker(engine) => engine.member(),
            #[cfg(feature = "bulkhead")]
            Self::Bulkhead(engine) => engine.member(),
            #[cfg(feature = "bulkhead")]
            Self::KeyedBulkhead(engine) => engine.member(),
            #[cfg(feature = "rate-limit")]
            Self::RateLimiter(engine) => engine.member(),
            #[cfg(feature = "rate-limit")]
            Self::KeyedRateLimiter(engine) => engine.member(),
            #[cfg(feature = "retry")]
            Self::Retry(engine) => engine.member(),
            #[cfg(feature = "retry")]
            Self::RetryBudget(engine) => engine.member(),
            #[cfg(feature = "timeout")]
            Self::Timeout(engine) => engine.member(),
            #[cfg(feature = "fallback")]
            Self::Fallback(engine) => engine.member(),
        }
    }

    /// Whether both are handles of the same engine.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self.member(), other.member())
    }

    pub(crate) fn panel(&self) -> &Panel {
        self.member().panel()
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.panel().identity()
    }

    /// State and counters now.
    #[must_use]
    pub fn snapshot(&self) -> EngineSnapshot {
        EngineSnapshot::of(self)
    }

    /// The mode in force.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.panel().mode()
    }

    /// The override in force.
    #[must_use]
    pub fn overridden(&self) -> Option<OverrideSnapshot> {
        self.panel().in_force(clock::now()).1
    }

    /// What it is set to, and who set it: all settings in force, in an order that does not change.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buttress::{Timeout, registry::{Engine, SettingSource}};
    ///
    /// let timeout = Timeout::new(Duration::from_secs(2));
    /// let limit = || Engine::Timeout(timeout.clone()).settings()[0];
    /// assert_eq!((limit().to_string().as_str(), limit().source), ("limit 2s", SettingSource::Code));
    /// timeout.set_limit(Duration::from_millis(1_500)).unwrap();
    /// assert_eq!((limit().to_string().as_str(), limit().source), ("limit 1.5s", SettingSource::RunTime));
    /// ```
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        self.member().settings()
    }

    /// A number that stands for all [settings](Self::settings), see [`EngineSnapshot::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.member().fingerprint()
    }

    /// Changes settings in the name of a person: what the closure changed is told in the log, with the
    /// reason, and [`settings`](Self::settings) tell that it was done by hand.
    ///
    /// ```
    /// use buttress::{Bulkhead, registry::{Engine, SettingSource}};
    ///
    /// let engine = Engine::Bulkhead(Bulkhead::new(64).named("reports"));
    /// engine.change("INC-42", "ada", |engine| match engine {
    ///     Engine::Bulkhead(bulkhead) => bulkhead.set_limit(20),
    ///     _ => Ok(()),
    /// })?;
    /// let limit = engine.settings()[0];
    /// assert_eq!((limit.name, limit.value), ("max_concurrent", 20_u32.into()));
    /// assert_eq!(limit.source, SettingSource::Override);
    /// # Ok::<(), buttress::InvalidConfig>(())
    /// ```
    pub fn change<R>(&self, reason: &str, by: &str, change: impl FnOnce(&Self) -> R) -> R {
        let (result, told) = by_hand(self.member(), || change(self));
        if !told.is_empty() {
            audit::by_hand(Some(self.identity()), &told.join(", "), reason, by);
        }
        result
    }

    /// Switches this engine, whatever its settings and the process-wide mode say, in place of an earlier
    /// override. It is told in the log, with reason and person.
    ///
    /// A retry budget has no mode of its own: that of the retry counts. Its override is kept and changes
    /// nothing.
    pub fn set_override(&self, what: Override) {
        // First what matters, then the telling of it: whoever writes the log may be what is stuck.
        self.panel().set_override(Some(what.clone()), clock::now());
        self.member().mode_changed();
        audit::set(Some(self.identity()), &what);
    }

    /// Takes the override back.
    pub fn clear_override(&self, by: &str) {
        self.take_override_back("", by);
    }

    /// The same with a reason. Whether there was one.
    pub(crate) fn take_override_back(&self, reason: &str, by: &str) -> bool {
        let Some(before) = self.panel().set_override(None, clock::now()) else { return false };
        self.member().mode_changed();
        audit::taken_back(Some(self.identity()), before.mode, reason, by);
        true
    }
}
