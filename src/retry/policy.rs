use std::time::Duration;

use super::budget::BudgetConfig;
use crate::algo::backoff::{Backoff, Jitter, LONGEST};
use crate::error::InvalidConfig;
use crate::registry::{SettingValue, Visit};

/// How often, how fast and how much of the traffic is repeated.
///
/// Plain data: it is checked when a layer is made of it.
///
/// ```
/// use std::time::Duration;
/// use buttress::{Backoff, BudgetConfig, RetryLayer, RetryPolicy};
///
/// let policy = RetryPolicy::default()
///     .max_attempts(4)
///     .backoff(Backoff::exponential(Duration::from_millis(50)))
///     .budget(BudgetConfig::default().ratio(0.2));
/// assert_eq!(RetryLayer::new(policy.clone()).retry().policy(), policy);
/// assert_eq!(RetryLayer::try_new(policy.max_attempts(0)).unwrap_err().field(), "max_attempts");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts for one call, the first included. Default 3; at least 1, which never repeats.
    pub max_attempts: u32,
    /// How long to wait between attempts. Default 100 ms × 2, up to 2 s.
    pub backoff: Backoff,
    /// How waits are spread. Default [`Jitter::Full`].
    pub jitter: Jitter,
    /// The longest that is waited because the service asked for it (`Retry-After`). Default 30 s; at
    /// most 24 hours; zero does not heed it.
    pub retry_after_cap: Duration,
    /// How much of the traffic may be repeats. Default: 10 % of the calls and one per second, up to 15
    /// saved up. `None` is no limit: an outage then meets up to `max_attempts` times the traffic.
    pub budget: Option<BudgetConfig>,
    /// Makes the jitter repeatable, for tests and simulations. Default `None`: different each time.
    pub seed: Option<u64>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::default(),
            jitter: Jitter::default(),
            retry_after_cap: Duration::from_secs(30),
            budget: Some(BudgetConfig::default()),
            seed: None,
        }
    }
}

impl RetryPolicy {
    /// Attempts for one call, the first included. At least 1, which never repeats.
    #[doc(alias = "max_retries")]
    #[must_use]
    pub fn max_attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts, ..self }
    }

    /// How long to wait between attempts.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// How waits are spread.
    #[must_use]
    pub fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// The longest that is waited because the service asked for it. At most 24 hours; zero does not
    /// heed it.
    #[must_use]
    pub fn retry_after_cap(self, cap: Duration) -> Self {
        Self { retry_after_cap: cap, ..self }
    }

    /// How much of the traffic may be repeats; `None` is no limit.
    #[must_use]
    pub fn budget(self, budget: impl Into<Option<BudgetConfig>>) -> Self {
        Self { budget: budget.into(), ..self }
    }

    /// Makes the jitter repeatable.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The longest back-offs between the attempts of one call, in order. Nothing new comes once they stay the same.
    pub(crate) fn longest_backoffs(&self) -> impl Iterator<Item = Duration> {
        let (backoff, jitter) = (self.backoff, self.jitter);
        let mut before = None;
        (0..self.max_attempts.saturating_sub(1)).map(move |repeat| {
            let longest = jitter.spread(&backoff, repeat, before, 1.0);
            before = Some(longest);
            longest
        })
    }

    /// All of them by name, with their defaults; the budget's are its own.
    pub(super) fn tell(&self, visit: &mut Visit<'_>) {
        let default = Self::default();
        let mut tell = |name, value: SettingValue, default: SettingValue| visit(name, value, Some(default));
        tell("max_attempts", self.max_attempts.into(), default.max_attempts.into());
        tell("backoff.base", self.backoff.base.into(), default.backoff.base.into());
        tell("backoff.factor", self.backoff.factor.into(), default.backoff.factor.into());
        tell("backoff.cap", self.backoff.cap.into(), default.backoff.cap.into());
        tell("jitter", self.jitter.as_str().into(), default.jitter.as_str().into());
        tell("retry_after_cap", self.retry_after_cap.into(), default.retry_after_cap.into());
        tell("seed", self.seed.into(), default.seed.into());
    }

    pub(super) fn check(&self) -> Result<(), InvalidConfig> {
        let rule = "must be at least 1: the first attempt counts";
        InvalidConfig::check(self.max_attempts > 0, "max_attempts", self.max_attempts, rule)?;
        self.backoff.check()?;
        let rule = "must be at most 24 hours";
        InvalidConfig::check(self.retry_after_cap <= LONGEST, "retry_after_cap", self.retry_after_cap, rule)?;
        self.budget.as_ref().map_or(Ok(()), BudgetConfig::check)
    }
}
