//! The processor's counter, by quanta: half the price of the operating system's clock (`benches/clock.rs`).
//!
//! - **Resolution**: a tick of the counter, below a nanosecond on x86-64, up to some 40 ns on 64-bit ARM. Where there is
//!   no counter that ticks steadily (x86-64 without an invariant TSC, other processors) quanta reads the system's clock.
//! - **Start**: quanta measures once how fast the counter runs. That takes about a millisecond, 200 ms at most on a
//!   machine that does not hold still, and is done when the first engine is made.
//! - **Drift**: what it is off by stays. Two of 62 starts were off by 280 ppm, the others by less than 100; the system's
//!   clock is slewed by NTP besides. Windows, waits and quotas are off by as little; nothing is added up over days.
//! - **Suspend**: a counter that goes on or stops with the machine does no harm. One that starts anew (x86-64 after
//!   suspend-to-RAM) would stand still for us until it has caught up, perhaps for days, and open breakers with it.
//!   Therefore each timer and one in so many refusals and failures compare it with the system's clock, and once it is
//!   found to lag behind, the system's clock is read, from the latest time on that the counter was seen to show. Calls
//!   that began just before that may find that their time is over.

use std::time::Duration;

use super::after_first;
use super::ahead::Ahead;
use crate::sync::{AtomicBool, OnceLock, Ordering::Relaxed};
use crate::units::{Instant, nanos};

struct Clock {
    counter: quanta::Clock,
    /// What the counter stood at when `system` was read.
    start: u64,
    system: std::time::Instant,
    /// Set once and never taken back. Like `ahead` it publishes nothing else, hence relaxed.
    lags: AtomicBool,
    /// By how much the counter was seen to be ahead, because it counted while the machine slept.
    ahead: Ahead,
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
        Self { counter, start, system, lags: AtomicBool::new(false), ahead: Ahead::default() }
    }

    #[inline]
    fn now(&self) -> Instant {
        if self.lags.load(Relaxed) { self.system_now() } else { self.counted() }
    }

    #[inline]
    fn counted(&self) -> Instant {
        after_first(self.counter.delta_as_nanos(self.start, self.counter.raw()))
    }

    #[cold]
    fn system_now(&self) -> Instant {
        after_first(nanos(self.system.elapsed()).saturating_add(self.ahead.get()))
    }

    fn check(&self, system: std::time::Instant, now: Instant) {
        let counted = now.saturating_since(after_first(0));
        let elapsed = system.saturating_duration_since(self.system);
        if is_behind(counted, elapsed) {
            self.check_again();
        } else if let Some(ahead) = counted.checked_sub(elapsed) {
            self.ahead.note(nanos(ahead));
        }
    }

    /// Not by what was read before: this thread may have been stopped in between.
    #[cold]
    fn check_again(&self) {
        let elapsed = self.system.elapsed();
        let counted = self.counted().saturating_since(after_first(0));
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
    // Three times what a careless calibration was seen to give.
    let drift = Duration::from_nanos(nanos(elapsed) / 1_000);
    counted.saturating_add(STALL).saturating_add(drift) < elapsed
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHILE: Duration = Duration::from_secs(30);

    /// Started so long ago, with a counter that stands where it started.
    fn started(ago: Duration) -> Clock {
        let clock = Clock::start();
        Clock { system: clock.system.checked_sub(ago).unwrap(), ..clock }
    }

    fn check(clock: &Clock) {
        clock.check(std::time::Instant::now(), clock.now());
    }

    #[test]
    fn a_counter_that_started_anew_is_not_read_any_more() {
        let clock = started(WHILE);
        assert!(clock.now() < after_first(nanos(WHILE)));
        check(&clock);
        assert!(clock.now() >= after_first(nanos(WHILE)), "it went on where the system's clock is");
    }

    #[test]
    fn time_does_not_go_back_when_a_counter_that_was_ahead_starts_anew() {
        let clock = started(WHILE);
        // It counted for nine times as long while the machine slept, before it started anew.
        let seen = after_first(nanos(10 * WHILE));
        clock.check(std::time::Instant::now(), seen);
        assert!(!clock.lags.load(Relaxed), "ahead is no fault");
        check(&clock);
        assert!(clock.lags.load(Relaxed));
        let back = seen.saturating_since(clock.now());
        assert!(back < Duration::from_secs(2), "back by {back:?}");
    }

    #[test]
    fn a_thread_that_was_stopped_between_two_readings_proves_nothing() {
        let clock = Clock::start();
        let later = std::time::Instant::now() + WHILE;
        clock.check(later, clock.now());
        assert!(!clock.lags.load(Relaxed));
    }

    #[test]
    fn drift_is_not_lag() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(!is_behind(day, day + Duration::from_secs(26)), "300 ppm over a day");
        assert!(is_behind(day, day + Duration::from_secs(90)));
        assert!(!is_behind(Duration::ZERO, Duration::from_secs(1)));
        assert!(is_behind(Duration::ZERO, Duration::from_secs(2)));
        assert!(!is_behind(day, Duration::ZERO));
    }
}
