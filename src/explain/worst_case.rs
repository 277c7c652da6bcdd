//! The worst that a stack can do, from its settings. A function of its arguments.

use std::time::Duration;

use super::facts::{Facts, Role};
use crate::retry::RetryPolicy;

/// The worst that can become of one call, going by the settings of a stack.
///
/// See the [module](crate::explain#the-worst-case) for how it is worked out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WorstCase {
    /// How long a call may take, from the first poll of its future; `None` if nothing limits it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::optional_seconds"))]
    pub duration: Option<Duration>,
    /// How often it may be sent.
    pub attempts: u32,
    /// How many requests the dependency may get per call in the long run, when nearly everything fails and
    /// there are many calls. At few calls the budget's repeats per second come on top.
    pub amplification: f64,
}

impl WorstCase {
    /// Of layers in this order, outermost first.
    pub(super) fn of(layers: &[Facts]) -> Self {
        // Of what is inside, beginning with the service: it may take for ever, and is sent the request once.
        let mut worst = Self { duration: None, attempts: 1, amplification: 1.0 };
        for (index, layer) in layers.iter().enumerate().rev() {
            let inside = layers.get(index..).unwrap_or_default();
            worst = worst.inside_of(layer, inside.iter().any(may_say_when));
        }
        worst
    }

    fn inside_of(self, layer: &Facts, is_rate_limited: bool) -> Self {
        let Self { duration, attempts, amplification } = self;
        let own_time = match &layer.role {
            _ if layer.is_dry => Some(Duration::ZERO),
            Role::Timeout { limit } => {
                return Self { duration: Some(duration.map_or(*limit, |inner| inner.min(*limit))), ..self };
            }
            Role::Retry { policy, is_budget_shared } => {
                return Self {
                    duration: duration.map(|attempt| all_attempts(policy, attempt, is_rate_limited)),
                    attempts: attempts.saturating_mul(policy.max_attempts),
                    amplification: amplification * repeated(policy, *is_budget_shared),
                };
            }
            Role::Limit { wait } => Some(wait.unwrap_or_default()),
            Role::Fallback { asks_service: true, .. } | Role::CircuitBreaker { waits: true } => None,
            Role::Fallback { .. } | Role::CircuitBreaker { .. } | Role::Foreign => Some(Duration::ZERO),
        };
        let duration = duration.zip(own_time).map(|(inner, own)| inner.saturating_add(own));
        Self { duration, ..self }
    }
}

/// Whether a rejection of this layer may tell a retry when to come again.
fn may_say_when(layer: &Facts) -> bool {
    layer.layer == "rate_limit" || matches!(layer.role, Role::Foreign)
}

/// Attempts that all take as long as they can, and the longest pauses between them.
fn all_attempts(policy: &RetryPolicy, attempt: Duration, is_rate_limited: bool) -> Duration {
    // What the dependency asks for, and what our own rate limit does.
    let asked = if is_rate_limited { policy.backoff.cap } else { Duration::ZERO };
    let asked = asked.max(policy.retry_after_cap);
    let repeats = policy.max_attempts.saturating_sub(1);
    let told = policy.longest_backoffs().take(TOLD).map(|backoff| backoff.max(asked));
    let pauses = told.fold(Duration::ZERO, Duration::saturating_add);
    let further = u32::try_from(TOLD).map_or(0, |told| repeats.saturating_sub(told));
    let pauses = pauses.saturating_add(policy.backoff.cap.max(asked).saturating_mul(further));
    attempt.saturating_mul(policy.max_attempts).saturating_add(pauses)
}

/// So many pauses are added up one by one; for those beyond, the cap will do.
const TOLD: usize = 1_000;

/// What a retry makes of one call in the long run.
fn repeated(policy: &RetryPolicy, is_budget_shared: bool) -> f64 {
    let most = f64::from(policy.max_attempts);
    match policy.budget {
        // What the calls of others earn may all be spent here.
        Some(budget) if !is_budget_shared => most.min(1.0 + budget.ratio),
        _ => most,
    }
}
