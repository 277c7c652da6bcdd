//! How long to wait before the next attempt.
//!
//! The kinds of jitter are those of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture
//! Blog, 2015.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::float_cmp
    )
)]

use std::time::Duration;

use crate::error::InvalidConfig;

/// How the wait grows from attempt to attempt, before [`Jitter`] spreads it.
///
/// Plain data: it is checked when a layer is made of it.
///
/// ```
/// use std::time::Duration;
/// use buttress::{Backoff, RetryLayer, RetryPolicy};
///
/// let quick = Backoff::exponential(Duration::from_millis(20)).factor(1.5).cap(Duration::from_millis(500));
/// assert!(RetryLayer::try_new(RetryPolicy::default().backoff(quick)).is_ok());
/// assert!(RetryLayer::try_new(RetryPolicy::default().backoff(quick.factor(0.5))).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// The wait before the second attempt. Default 100 ms; above zero, at most 24 hours.
    pub base: Duration,
    /// How much longer each further wait is. Default 2; at least 1, finite.
    pub factor: f64,
    /// The longest wait. Default 2 s; at least the base, at most 24 hours.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(100))
    }
}

impl Backoff {
    /// Starts at `base` and doubles up to 2 s; [`factor`](Self::factor) and [`cap`](Self::cap) say
    /// otherwise.
    #[must_use]
    pub const fn exponential(base: Duration) -> Self {
        Self { base, factor: 2.0, cap: Duration::from_secs(2) }
    }

    /// The same wait each time.
    #[must_use]
    pub const fn constant(wait: Duration) -> Self {
        Self { base: wait, factor: 1.0, cap: wait }
    }

    /// How much longer each further wait is. At least 1, finite.
    #[doc(alias = "multiplier")]
    #[must_use]
    pub const fn factor(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    /// The longest wait, whatever the jitter draws; also the longest that is waited for one of our own
    /// rate limits. At least the base, at most 24 hours.
    #[doc(alias = "max_delay")]
    #[must_use]
    pub const fn cap(self, cap: Duration) -> Self {
        Self { cap, ..self }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidConfig> {
        let in_range = |wait: Duration| !wait.is_zero() && wait <= LONGEST;
        let rule = "must be above zero, or a failing service is asked in a hot loop, and at most 24 hours";
        InvalidConfig::check(in_range(self.base), "backoff.base", self.base, rule)?;
        // False for NaN.
        let grows = self.factor >= 1.0 && self.factor.is_finite();
        InvalidConfig::check(grows, "backoff.factor", self.factor, "must be finite and at least 1")?;
        let rule = "must be at least the base and at most 24 hours";
        InvalidConfig::check(self.base <= self.cap && in_range(self.cap), "backoff.cap", self.cap, rule)
    }

    /// The wait before repeat number `n`, from 0, without jitter.
    #[allow(clippy::cast_precision_loss, reason = "24 hours in nanoseconds are exact")]
    fn nth(&self, n: u32) -> Duration {
        let grown = self.base.as_nanos() as f64 * self.factor.powi(i32::try_from(n).unwrap_or(i32::MAX));
        // Also when the power overflowed to infinity.
        from_nanos(grown.min(self.cap.as_nanos() as f64))
    }
}

/// Nobody waits longer than this inside a call.
pub(crate) const LONGEST: Duration = Duration::from_secs(86_400);

/// How waits are spread, so that those who failed together do not come back together.
///
/// Always inside the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Anything from zero to the whole wait. Spreads the load best; the default.
    #[default]
    Full,
    /// The wait as it is.
    None,
    /// At least half of the wait.
    Equal,
    /// From the base to three times the wait before. Grows by itself: the factor of the [`Backoff`] is
    /// not used.
    Decorrelated,
}

impl Jitter {
    /// The word for it where settings are shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::None => "none",
            Self::Equal => "equal",
            Self::Decorrelated => "decorrelated",
        }
    }

    /// The wait before repeat number `n`, from 0. `previous` is what this returned before, and `unit` a
    /// random number from `[0, 1)`.
    #[allow(clippy::cast_precision_loss, reason = "24 hours in nanoseconds are exact")]
    pub(crate) fn spread(self, backoff: &Backoff, n: u32, previous: Option<Duration>, unit: f64) -> Duration {
        let nanos = |wait: Duration| wait.as_nanos() as f64;
        match self {
            Self::None => backoff.nth(n),
            Self::Full => from_nanos(nanos(backoff.nth(n)) * unit),
            Self::Equal => from_nanos(nanos(backoff.nth(n)) * (0.5 + unit / 2.0)),
            Self::Decorrelated => {
                let base = nanos(backoff.base);
                let above = 3.0 * nanos(previous.unwrap_or(backoff.base)) - base;
                from_nanos((base + above * unit).min(nanos(backoff.cap)))
            }
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between zero and the cap, which is far below u64::MAX nanoseconds"
)]
fn from_nanos(nanos: f64) -> Duration {
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const MS: Duration = Duration::from_millis(1);
    const EXPONENTIAL: Backoff = Backoff::exponential(Duration::from_millis(100));

    #[test]
    fn rt_05_the_exponential_sequence() {
        let waits: Vec<_> = (0..7).map(|n| EXPONENTIAL.nth(n).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 2_000, 2_000]);
        assert_eq!(EXPONENTIAL.nth(u32::MAX), 2_000 * MS);
        assert_eq!(Backoff::constant(7 * MS).nth(u32::MAX), 7 * MS);
        assert_eq!(EXPONENTIAL.factor(f64::MAX).cap(LONGEST).nth(2), LONGEST);
    }

    #[test]
    fn the_default_is_the_documented_one() {
        let Backoff { base, factor, cap } = Backoff::default();
        assert_eq!((base, factor, cap), (100 * MS, 2.0, 2_000 * MS));
        assert_eq!(Backoff::exponential(7 * MS), Backoff { base: 7 * MS, ..Backoff::default() });
        let words =
            [Jitter::default(), Jitter::None, Jitter::Equal, Jitter::Decorrelated].map(Jitter::as_str);
        assert_eq!(words, ["full", "none", "equal", "decorrelated"]);
    }

    #[test]
    fn rt_07_full_jitter_is_spread_evenly_over_the_whole_wait() {
        const DRAWS: u32 = 100_000;
        let second = Backoff::constant(Duration::from_secs(1));
        let draw = |seed| {
            let rng = Rng::new(Some(seed));
            let wait = || Jitter::Full.spread(&second, 0, None, rng.unit()).as_secs_f64();
            (0..DRAWS).map(|_| wait()).collect::<Vec<_>>()
        };
        let (a, b) = (draw(7), draw(8));
        let count = f64::from(DRAWS);
        let mean = |waits: &[f64]| waits.iter().sum::<f64>() / count;
        assert!((mean(&a) - 0.5).abs() < 0.005);
        assert!(a.iter().copied().fold(1.0, f64::min) < 0.001);
        assert!(a.iter().copied().fold(0.0, f64::max) > 0.999);

        let mut bins = [0.0; 20];
        a.iter().for_each(|wait| bins[(wait * 20.0) as usize] += 1.0);
        let expected = count / 20.0;
        let chi_squared: f64 = bins.iter().map(|n| (n - expected) * (n - expected) / expected).sum();
        assert!(chi_squared < 43.82, "19 degrees of freedom, p > 0.001: {chi_squared}");

        let covariance = |x: &[f64], y: &[f64]| {
            let (mx, my) = (mean(x), mean(y));
            x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>()
        };
        let r = covariance(&a, &b) / (covariance(&a, &a) * covariance(&b, &b)).sqrt();
        assert!(r.abs() < 0.01, "two seeds are correlated: {r}");
    }

    #[test]
    fn no_jitter_leaves_the_cap() {
        const ALMOST: f64 = 1.0 - f64::EPSILON / 2.0;
        for (jitter, least, most) in [
            (Jitter::None, 2_000, 2_000),
            (Jitter::Full, 0, 2_000),
            (Jitter::Equal, 1_000, 2_000),
            (Jitter::Decorrelated, 100, 2_000),
        ] {
            let wait = |unit| jitter.spread(&EXPONENTIAL, 9, Some(EXPONENTIAL.cap), unit);
            assert_eq!(wait(0.0), least * MS, "{jitter:?}");
            assert!(wait(ALMOST) <= most * MS && wait(ALMOST) > (most - 1) * MS, "{jitter:?}");
        }
    }

    #[test]
    fn decorrelated_jitter_grows_from_the_wait_before() {
        let spread = |previous, unit| Jitter::Decorrelated.spread(&EXPONENTIAL, 0, previous, unit);
        assert_eq!(spread(None, 0.5), 200 * MS);
        assert_eq!(spread(Some(200 * MS), 0.5), 350 * MS);
        assert_eq!(spread(Some(Duration::ZERO), 0.0), 100 * MS);
    }

    #[test]
    fn bc_15_bad_back_offs_are_refused() {
        let fault = |backoff: Backoff| backoff.check().unwrap_err().field();
        for base in [Duration::ZERO, LONGEST + MS, Duration::MAX] {
            assert_eq!(fault(Backoff { base, ..EXPONENTIAL }), "backoff.base");
        }
        for factor in [0.0, -1.0, 0.5, 1.0 - f64::EPSILON, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(fault(EXPONENTIAL.factor(factor)), "backoff.factor");
        }
        for cap in [Duration::ZERO, 99 * MS, LONGEST + MS, Duration::MAX] {
            assert_eq!(fault(EXPONENTIAL.cap(cap)), "backoff.cap");
        }
        assert!(Backoff::constant(Duration::from_nanos(1)).check().is_ok());
        assert!(EXPONENTIAL.factor(f64::MAX).cap(LONGEST).check().is_ok());
    }
}
