//! The processor's counter, by quanta: half the price of the operating system's clock (`benches/clock.rs`).
//!
//! - **Resolution**: a tick of the counter, below a nanosecond on x86-64, up to some 40 ns on 64-bit ARM. Where there is
//!   no counter that ticks steadily (x86-64 without an invariant TSC, other processors) quanta reads the system's clock.
//! - **Drift**: quanta measures once, at the first reading and for about a millisecond, how fast the counter runs; what
//!   it is off by (some 10 to 100 ppm) stays, and the system's clock is also slewed by NTP. Windows, waits and quotas
//!   are off by as little; nothing is added up over days.
//! - **Suspend**: a counter that goes on or stops with the machine does no harm. One that starts anew (x86-64 after
//!   suspend-to-RAM) would stand still for us until it has caught up, perhaps for days, and open breakers with it.
//!   Therefore every timer and one in so many refusals compare it with the system's clock, and the first time that it
//!   is found to lag behind, the system's clock is read from then on.

use std::time::Duration;

use super::after_first;
use crate::sync::{AtomicBool, OnceLock, Ordering::Relaxed};
use crate::units::{Instant, nanos};

struct Clock {
    counter: quanta::Clock,
    /// What the counter stood at when `system` was read.
    start: u64,
    system: std::time::Instant,
    /// Set once and never taken back. It publishes nothing else, hence relaxed.
    lags: AtomicBool,
}

static CLOCK: OnceLock<Clock> = OnceLock::new();

#[inline]
pub(super) fn now() -> Instant {
    CLOCK.get_or_init(Clock::start).now()
}

/// Both were read just now.
pub(super) fn check(system: std::time::Instant, now: Instant) {
    CLOCK.get_or_init(Clock::start).check(system, now);
}

impl Clock {
    #[cold]
    fn start() -> Self {
        let counter = quanta::Clock::new();
        let (start, system) = (counter.raw(), std::time::Instant::now());
        Self { counter, start, system, lags: AtomicBool::new(false) }
    }

    #[inline]
    fn now(&self) -> Instant {
        if self.lags.load(Relaxed) {
            return self.system_now();
        }
        after_first(self.counter.delta_as_nanos(self.start, self.counter.raw()))
    }

    #[cold]
    fn system_now(&self) -> Instant {
        after_first(nanos(self.system.elapsed()))
    }

    fn check(&self, system: std::time::Instant, now: Instant) {
        let counted = now.saturating_since(after_first(0));
        let elapsed = system.saturating_duration_since(self.system);
        if is_behind(counted, elapsed) && !self.lags.swap(true, Relaxed) {
            tracing::warn!(
                by = ?elapsed.saturating_sub(counted),
                "the processor's counter lags behind the system's clock; the latter is read from now on"
            );
        }
    }
}

/// Whether the one clock is behind the other by more than they differ in speed.
fn is_behind(counted: Duration, elapsed: Duration) -> bool {
    const STALL: Duration = Duration::from_secs(1);
    // Ten times what a careless calibration gives.
    let drift = Duration::from_nanos(nanos(elapsed) / 1_000);
    counted.saturating_add(STALL).saturating_add(drift) < elapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(ago: Duration, counted: Duration) -> Clock {
        let clock = Clock::start();
        let ticks = u64::try_from(counted.as_nanos()).unwrap();
        // As many nanoseconds as ticks, about: the counter's frequency is some gigahertz.
        let start = clock.start.saturating_sub(ticks);
        Clock { start, system: clock.system.checked_sub(ago).unwrap(), ..clock }
    }

    #[test]
    fn a_counter_that_started_anew_is_not_read_any_more() {
        let clock = started(Duration::from_secs(30), Duration::ZERO);
        let before = clock.now();
        assert!(before < after_first(1_000_000_000));
        clock.check(std::time::Instant::now(), clock.now());
        assert!(clock.now() >= after_first(30_000_000_000), "it went on where the system's clock is");
    }

    #[test]
    fn a_counter_that_keeps_step_is_kept() {
        let clock = started(Duration::ZERO, Duration::from_secs(30));
        clock.check(std::time::Instant::now(), clock.now());
        assert!(!clock.lags.load(Relaxed), "ahead is no fault: it counted while the machine slept");
        let fresh = Clock::start();
        fresh.check(std::time::Instant::now(), fresh.now());
        assert!(!fresh.lags.load(Relaxed));
    }

    #[test]
    fn drift_is_not_lag() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(!is_behind(day, day + Duration::from_secs(9)), "100 ppm over a day");
        assert!(is_behind(day, day + Duration::from_secs(90)));
        assert!(!is_behind(Duration::ZERO, Duration::from_secs(1)));
        assert!(is_behind(Duration::ZERO, Duration::from_secs(2)));
        assert!(!is_behind(day, Duration::ZERO));
    }
}
