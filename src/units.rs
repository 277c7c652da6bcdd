//! Saturating instants and validated ratios.

use std::time::Duration;

use crate::error::InvalidConfig;

/// A point in time, in nanoseconds since an anchor that [`crate::clock`] chooses once per process.
///
/// Plain data, so that algorithms can be tested with numbers, and small enough for one atomic word.
/// All arithmetic saturates: clocks of different threads may disagree, and settings may be huge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(u64);

impl Instant {
    /// Later than any instant a clock returns.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    pub(crate) fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// How many nanoseconds ago `earlier` was; zero if it was not.
    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How long ago `earlier` was; zero if it was not.
    pub(crate) const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }
}

/// A duration in whole nanoseconds, at most `u64::MAX` (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A share, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio(f64);

impl Ratio {
    #[cfg(feature = "http")]
    pub(crate) const HALF: Self = Self(0.5);

    pub(crate) fn new(field: &'static str, value: f64) -> Result<Self, InvalidConfig> {
        // No range contains NaN. A subnormal is a rounding accident, not a setting.
        if (f64::MIN_POSITIVE..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(InvalidConfig::new(field, value, "a rate is a share above 0 and at most 1, not a percentage"))
        }
    }

    /// Whether `part` of `whole` is at least this share. False for an empty whole.
    ///
    /// Divides instead of multiplying: the quotient of two whole numbers is rounded to the same
    /// value as the literal that names it, so 7 of 100 reach 0.07.
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(crate) fn is_reached(self, part: u64, whole: u64) -> bool {
        whole > 0 && part as f64 / whole as f64 >= self.0
    }

    #[cfg(test)]
    pub(crate) const fn get(self) -> f64 {
        self.0
    }
}

/// The share that `part` is of `whole`; 0 of an empty whole.
#[cfg(feature = "circuit-breaker")]
#[allow(clippy::cast_precision_loss, reason = "for people to read")]
pub(crate) fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_saturate_at_both_ends() {
        assert_eq!(Instant::from_nanos(5).saturating_add(Duration::MAX), Instant::NEVER);
        assert_eq!(Instant::from_nanos(5).saturating_since(Instant::from_nanos(9)), Duration::ZERO);
        assert_eq!(Instant::from_nanos(9).saturating_since(Instant::from_nanos(5)), Duration::from_nanos(4));
    }

    #[test]
    fn a_ratio_is_reached_by_the_counts_that_spell_it() {
        for percent in 1..=100_u32 {
            let ratio = Ratio::new("rate", f64::from(percent) / 100.0).unwrap();
            assert!(ratio.is_reached(percent.into(), 100), "{percent}");
            assert!(!ratio.is_reached(u64::from(percent) - 1, 100), "{percent}");
        }
        assert!(!Ratio::new("rate", 0.5).unwrap().is_reached(0, 0));
    }

    #[test]
    fn a_ratio_outside_its_range_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, -0.0, 0.0, 5e-324, 1.000_000_1, 100.0] {
            assert_eq!(Ratio::new("rate", bad).unwrap_err().field(), "rate", "{bad}");
        }
    }
}
