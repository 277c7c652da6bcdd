use std::time::Duration;

use crate::units::nanos;

/// How long a breaker stays open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OpenTime {
    /// After it was closed.
    pub(crate) base: Duration,
    /// How much longer after each failed half-open; at least 1.
    pub(crate) factor: f64,
    /// The longest, jitter included; at least the base.
    pub(crate) cap: Duration,
    /// How far the time spreads to both sides, as a share of it; at least 0 and below 1.
    pub(crate) jitter: f64,
}

impl OpenTime {
    /// The time after so many failed half-opens in a row. `random` is spread over `[0, 1)`.
    ///
    /// At the cap, all of the jitter goes below it, so that breakers that were open for long do not come back
    /// at the same time.
    #[expect(clippy::cast_precision_loss, reason = "above 104 days, a time is off by some nanoseconds")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, never negative")]
    pub(super) fn draw(&self, failed_cycles: u32, random: f64) -> Duration {
        let cap = nanos(self.cap) as f64;
        let exponent = i32::try_from(failed_cycles).unwrap_or(i32::MAX);
        let time = (nanos(self.base) as f64 * self.factor.powi(exponent)).min(cap);
        let low = time * (1.0 - self.jitter);
        let high = (time * (1.0 + self.jitter)).min(cap);
        Duration::from_nanos((low + (high - low) * random) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const SECOND: Duration = Duration::from_secs(1);

    fn plain() -> OpenTime {
        OpenTime { base: SECOND, factor: 2.0, cap: 60 * SECOND, jitter: 0.0 }
    }

    #[test]
    fn cb_38_the_time_grows_up_to_the_cap() {
        let times: Vec<_> = (0..9).map(|cycle| plain().draw(cycle, 0.3).as_secs()).collect();
        assert_eq!(times, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(plain().draw(u32::MAX, 0.9), 60 * SECOND);
        assert_eq!(OpenTime { factor: 1.0, ..plain() }.draw(u32::MAX, 0.9), SECOND);
    }

    #[test]
    fn cb_37_jitter_spreads_to_both_sides() {
        let rng = Rng::new(Some(11));
        let open = OpenTime { base: 10 * SECOND, factor: 1.0, cap: 15 * SECOND, jitter: 0.2 };
        let mut slots = [0; 40];
        for _ in 0..1_000 {
            let time = open.draw(0, rng.unit());
            assert!((8 * SECOND..12 * SECOND).contains(&time), "{time:?}");
            slots[(time.as_millis() - 8_000) as usize / 100] += 1;
        }
        assert!(slots.iter().all(|&count| count <= 60), "{slots:?}");
    }

    #[test]
    fn at_the_cap_jitter_stays_below_it() {
        let open = OpenTime { jitter: 0.25, ..plain() };
        assert_eq!(open.draw(30, 0.0), 45 * SECOND);
        assert!(open.draw(30, 0.999_999) <= 60 * SECOND);
        assert!(open.draw(5, 0.999_999) <= 40 * SECOND);
    }

    #[test]
    fn the_longest_time_saturates() {
        let open = OpenTime { base: Duration::MAX, cap: Duration::MAX, factor: 10.0, jitter: 0.9 };
        assert!(open.draw(400, 0.999) > Duration::from_secs(86_400 * 365 * 500));
    }
}
