use std::time::Duration;

use super::engine::Engine;
use super::identity::Identity;
use super::journal::Event;
use super::overrides::OverrideSnapshot;
use crate::clock;
use crate::mode::Mode;

/// All engines of the process at one moment. Made by [`Registry::snapshot`](super::Registry::snapshot).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RegistrySnapshot {
    /// The process-wide mode.
    pub mode: Mode,
    /// The process-wide override, if there is one.
    pub overridden: Option<OverrideSnapshot>,
    /// Engines that were the same as another one by stack, layer and name, and got a number.
    pub duplicates: u64,
    /// Engines beyond the 4,096 that are shown.
    pub unlisted: u64,
    /// The engines, in the order in which they were made.
    pub engines: Vec<EngineSnapshot>,
    /// What happened of late, oldest first.
    pub events: Vec<Event>,
}

/// An engine of any kind at one moment.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EngineSnapshot {
    /// Who it is.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub identity: Identity,
    /// Whether it was the same as another one and got a number.
    pub is_duplicate: bool,
    /// The mode in force.
    pub mode: Mode,
    /// The override in force, if there is one.
    pub overridden: Option<OverrideSnapshot>,
    /// Demand over limit: of a bulkhead or rate limit the share of its limit that was asked for of late,
    /// above 1 if there was more to do than it lets in (of a bulkhead at most ten times its limit). What an
    /// autoscaler should look at.
    pub saturation: Option<f64>,
    /// Stands for all settings of the engine: equal settings have equal fingerprints, in every process, and a change
    /// of any of them gives another one. At most 52 bits, so that a metric and JSON hold it exactly. Modes set by
    /// hand are not settings.
    pub fingerprint: u64,
    /// State and counters.
    pub detail: EngineDetail,
}

/// State and counters of an engine, by its kind.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[allow(
    clippy::large_enum_variant,
    reason = "one per engine, and a box would be in the way of whoever matches"
)]
#[non_exhaustive]
pub enum EngineDetail {
    /// Of a circuit breaker.
    #[cfg(feature = "circuit-breaker")]
    CircuitBreaker(crate::CircuitBreakerSnapshot),
    /// Of a circuit breaker per key.
    #[cfg(feature = "circuit-breaker")]
    KeyedCircuitBreaker(crate::KeyedCircuitBreakerSnapshot),
    /// Of a bulkhead.
    #[cfg(feature = "bulkhead")]
    Bulkhead(crate::BulkheadSnapshot),
    /// Of a bulkhead per key.
    #[cfg(feature = "bulkhead")]
    KeyedBulkhead(crate::KeyedBulkheadSnapshot),
    /// Of a rate limiter.
    #[cfg(feature = "rate-limit")]
    RateLimit(crate::RateLimitSnapshot),
    /// Of a rate limiter per key.
    #[cfg(feature = "rate-limit")]
    KeyedRateLimit(crate::KeyedRateLimitSnapshot),
    /// Of a retry policy.
    #[cfg(feature = "retry")]
    Retry(crate::RetrySnapshot),
    /// Of a retry budget.
    #[cfg(feature = "retry")]
    RetryBudget(crate::RetryBudgetSnapshot),
    /// Of a timeout.
    #[cfg(feature = "timeout")]
    Timeout(crate::TimeoutSnapshot),
    /// Of a fallback.
    #[cfg(feature = "fallback")]
    Fallback(crate::FallbackSnapshot),
}

impl EngineSnapshot {
    pub(super) fn of(engine: &Engine) -> Self {
        let panel = engine.panel();
        // Just before the counters, as rates are taken from both.
        let now = clock::now();
        let mut detail = EngineDetail::of(engine);
        let (identity, is_duplicate) = panel.listed();
        let (mode, overridden) = panel.in_force(now);
        detail.set_mode(mode);
        Self {
            identity,
            is_duplicate,
            mode,
            overridden,
            saturation: detail.saturation(|calls, admitted| panel.demand(now, calls, admitted)),
            fingerprint: engine.fingerprint(),
            detail,
        }
    }
}

impl EngineDetail {
    fn of(engine: &Engine) -> Self {
        match engine {
            #[cfg(feature = "circuit-breaker")]
            Engine::CircuitBreaker(engine) => Self::CircuitBreaker(engine.snapshot()),
            #[cfg(feature = "circuit-breaker")]
            Engine::KeyedCircuitBreaker(engine) => Self::KeyedCircuitBreaker(engine.snapshot()),
            #[cfg(feature = "bulkhead")]
            Engine::Bulkhead(engine) => Self::Bulkhead(engine.snapshot()),
            #[cfg(feature = "bulkhead")]
            Engine::KeyedBulkhead(engine) => Self::KeyedBulkhead(engine.snapshot()),
            #[cfg(feature = "rate-limit")]
            Engine::RateLimiter(engine) => Self::RateLimit(engine.snapshot()),
            #[cfg(feature = "rate-limit")]
            Engine::KeyedRateLimiter(engine) => Self::KeyedRateLimit(engine.snapshot()),
            #[cfg(feature = "retry")]
            Engine::Retry(engine) => Self::Retry(engine.snapshot()),
            #[cfg(feature = "retry")]
            Engine::RetryBudget(engine) => Self::RetryBudget(engine.snapshot()),
            #[cfg(feature = "timeout")]
            Engine::Timeout(engine) => Self::Timeout(engine.snapshot()),
            #[cfg(feature = "fallback")]
            Engine::Fallback(engine) => Self::Fallback(engine.snapshot()),
        }
    }

    /// The one that is shown beside it, though it may have been switched in between.
    fn set_mode(&mut self, in_force: Mode) {
        let mode = match self {
            #[cfg(feature = "circuit-breaker")]
            Self::CircuitBreaker(now) => &mut now.mode,
            #[cfg(feature = "circuit-breaker")]
            Self::KeyedCircuitBreaker(now) => &mut now.mode,
            #[cfg(feature = "bulkhead")]
            Self::Bulkhead(now) => &mut now.mode,
            #[cfg(feature = "bulkhead")]
            Self::KeyedBulkhead(now) => &mut now.mode,
            #[cfg(feature = "rate-limit")]
            Self::RateLimit(now) => &mut now.mode,
            #[cfg(feature = "rate-limit")]
            Self::KeyedRateLimit(now) => &mut now.mode,
            #[cfg(feature = "retry")]
            Self::Retry(now) => &mut now.mode,
            #[cfg(feature = "retry")]
            Self::RetryBudget(_) => return,
            #[cfg(feature = "timeout")]
            Self::Timeout(now) => &mut now.mode,
            #[cfg(feature = "fallback")]
            Self::Fallback(now) => &mut now.mode,
        };
        *mode = in_force;
    }

    /// Demand over limit. `of_late` tells over which time, how many calls there were and how many of them
    /// were admitted.
    #[allow(clippy::cast_precision_loss, reason = "a figure for people and autoscalers")]
    #[allow(unused_variables, unreachable_patterns, reason = "it depends on which patterns are in")]
    fn saturation(&self, of_late: impl FnOnce(u64, u64) -> Option<(Duration, u64, u64)>) -> Option<f64> {
        match self {
            #[cfg(feature = "bulkhead")]
            Self::Bulkhead(now) => {
                let asked = now.in_flight.saturating_add(now.waiting) as f64 / now.limit as f64;
                // Who was rejected would have been in flight for as long as who was not. Where calls hang, that
                // knows no bounds, and a figure without bounds is of no use.
                let turned_away = of_late(now.calls, now.admitted).map_or(0.0, |(_, calls, admitted)| {
                    calls.saturating_sub(admitted) as f64 / admitted.max(now.in_flight).max(1) as f64
                });
                Some(asked * (1.0 + turned_away.min(9.0)))
            }
            #[cfg(feature = "rate-limit")]
            Self::RateLimit(now) => {
                let (time, cells, _) = of_late(now.cells, 0)?;
                Some(cells as f64 / time.as_secs_f64() / now.quota.rate_per_second())
            }
            _ => None,
        }
    }
}
