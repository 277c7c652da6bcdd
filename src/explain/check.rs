//! What looks like a mistake in the order and the settings of layers. A function of its arguments.

use std::time::Duration;

use super::facts::{Facts, Role};
use super::warning::Warning;
use crate::name::Name;

/// Looks at layers in this order, outermost first.
pub(super) fn check(layers: &[Facts]) -> Vec<Warning> {
    let mut found = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let (around, inside) = layers.split_at(index);
        let place = Place { layer, around, inside: inside.get(1..).unwrap_or_default() };
        match layer.role {
            Role::Retry { .. } => place.check_retry(&mut found),
            Role::Timeout { .. } => found.extend(place.attempt_above_total()),
            Role::Limit { .. } => found.extend(place.wait_above_timeout()),
            Role::Fallback { withheld, .. } => {
                found.extend(place.fallback_inside());
                if withheld > 0 {
                    found.push(Warning::FallbackWithheld { fallback: layer.name, calls: withheld });
                }
            }
            Role::CircuitBreaker { .. } | Role::Foreign => {}
        }
    }
    found
}

/// A layer, and what stands around it and inside of it.
struct Place<'a> {
    layer: &'a Facts,
    around: &'a [Facts],
    inside: &'a [Facts],
}

impl Place<'_> {
    /// The shortest timeout around it.
    fn total(&self) -> Option<(Name, Duration)> {
        let timeouts = self.around.iter().filter_map(|outer| Some((outer.name, outer.limit()?)));
        timeouts.min_by_key(|(_, limit)| *limit)
    }

    fn check_retry(&self, found: &mut Vec<Warning>) {
        let Some(policy) = self.layer.policy() else { return };
        let retry = self.layer.name;
        if let Some((total, total_limit)) = self.total() {
            let backoff = policy.longest_backoffs().take(1_000).max().unwrap_or_default();
            if backoff >= total_limit {
                found.push(Warning::BackoffAboveTotal { retry, backoff, total, total_limit });
            }
        } else {
            found.push(Warning::NoTotalTimeout { retry });
        }
        if !self.inside.iter().any(|inner| inner.limit().is_some()) {
            found.push(Warning::NoAttemptTimeout { retry });
        }
        if policy.budget.is_none() {
            found.push(Warning::NoRetryBudget { retry, attempts: policy.max_attempts });
        }
        found.extend(self.around.iter().filter_map(|outer| match &outer.role {
            Role::CircuitBreaker { .. } => Some(Warning::BreakerOutsideRetry { breaker: outer.name, retry }),
            Role::Limit { .. } => {
                Some(Warning::LimitOutsideRetry { layer: outer.layer, limit: outer.name, retry })
            }
            Role::Retry { .. } => {
                let attempts = outer.policy()?.max_attempts.saturating_mul(policy.max_attempts);
                Some(Warning::RetryInsideRetry { outer: outer.name, inner: retry, attempts })
            }
            _ => None,
        }));
    }

    fn attempt_above_total(&self) -> Option<Warning> {
        let (attempt, attempt_limit) = (self.layer.name, self.layer.limit()?);
        let (total, total_limit) = self.total()?;
        (attempt_limit >= total_limit).then_some(Warning::AttemptAboveTotal {
            attempt,
            attempt_limit,
            total,
            total_limit,
        })
    }

    fn wait_above_timeout(&self) -> Option<Warning> {
        let Facts { layer, name: limit, .. } = *self.layer;
        let wait = self.layer.wait()?;
        let (timeout, timeout_limit) = self.total()?;
        (wait >= timeout_limit).then_some(Warning::WaitAboveTimeout {
            layer,
            limit,
            wait,
            timeout,
            timeout_limit,
        })
    }

    fn fallback_inside(&self) -> Option<Warning> {
        let is_misled =
            |outer: &&Facts| matches!(outer.role, Role::Retry { .. } | Role::CircuitBreaker { .. });
        let outer = self.around.iter().rfind(is_misled)?;
        Some(Warning::FallbackInside { fallback: self.layer.name, layer: outer.layer, outer: outer.name })
    }
}
