use std::time::Duration;

use crate::algo::breaker::{OpenTime, OutageRule, Settings, SlowRule, TrialRule};
use crate::algo::window::Shape;
use crate::error::InvalidConfig;
use crate::registry::{SettingValue, Visit};
use crate::units::{Ratio, nanos};

/// Settings of a circuit breaker: plain data, checked when a breaker is made of it.
///
/// ```
/// use std::time::Duration;
/// use buttress::circuit_breaker::{CircuitBreaker, CircuitBreakerConfig, Window};
///
/// let config = CircuitBreakerConfig::default()
///     .window(Window::last_calls(200))
///     .min_calls(80)
///     .failure_rate(0.3)
///     .open_time(Duration::from_secs(1));
/// let breaker = CircuitBreaker::new(config);
/// assert_eq!(breaker.config().min_calls, 80);
///
/// // A percentage is not a share.
/// let error = CircuitBreaker::try_new(CircuitBreakerConfig::default().failure_rate(30.0)).unwrap_err();
/// assert_eq!((error.field(), error.value()), ("failure_rate", "30.0"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "settings do nothing by themselves"]
#[non_exhaustive]
pub struct CircuitBreakerConfig {
    /// Which calls the rates are taken over. By default those of the last 10 s, in 10 buckets.
    pub window: Window,
    /// How many calls there must be in the window before a rate means anything. At least 1, and at most as
    /// many as the window holds; by default 100: with fewer, chance alone now and then opens a breaker that has
    /// just begun or just closed, when three of ten calls fail.
    pub min_calls: u32,
    /// Opens when this share of the calls in the window failed. Above 0 and at most 1; by default 0.5.
    pub failure_rate: f64,
    /// Opens when there are nothing but failures, whatever the window holds. By default 5 failures over 1 s;
    /// `None` switches the rule off.
    pub outage: Option<Outage>,
    /// A call is slow when it took longer than this, whether it succeeded or not. Above zero; the longest
    /// durations are never exceeded. By default `None`; set together with `slow_call_rate`.
    pub slow_call_duration: Option<Duration>,
    /// Opens when this share of the calls in the window was slow. Above 0 and at most 1. By default `None`,
    /// which switches the rule off; set together with `slow_call_duration`.
    pub slow_call_rate: Option<f64>,
    /// How many trial calls a half-open lets through, unresolved and resolved together. 1 to 1,000; by
    /// default 5.
    pub trial_calls: u32,
    /// How many of them must succeed for it to close. 1 to `trial_calls`; by default 3.
    pub trial_successes: u32,
    /// When no trial slot is free and the oldest unresolved trial call was admitted this long ago, the next
    /// call starts the half-open afresh, so that hung trial calls cannot hold it up. Above zero, and at least
    /// `slow_call_duration`; by default 10 s. The longest durations mean never.
    pub trial_timeout: Duration,
    /// How long it stays open the first time. Above zero; by default 2 s.
    pub open_time: Duration,
    /// How much longer after each half-open that failed. At least 1; by default 1.5.
    pub open_time_factor: f64,
    /// The longest that it stays open, jitter included. At least `open_time`; by default 10 s. The longest
    /// durations mean until somebody resets it.
    pub open_time_cap: Duration,
    /// How far the open time spreads to both sides, as a share of it, so that the clients of one service do not
    /// all come back at once. At least 0 and below 1; by default 0.25.
    pub open_time_jitter: f64,
    /// A call that its caller drops after this time in flight counts as failed, cause `"cancelled"`: in Rust,
    /// that is how a call that hangs ends. Above zero; by default 500 ms; `None` or the longest durations mean that
    /// no cancelled call counts. The time runs from the first time that the answer was pending (of a trial call,
    /// and if slow calls are told, from the call on); a call that was never polled does not count.
    pub cancelled_after: Option<Duration>,
    /// Makes the jitter reproducible. By default `None`: it differs from breaker to breaker.
    pub seed: Option<u64>,
}

/// Which calls the rates are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// The calls of the last `length`, let go of in steps of a bucket.
    Time {
        /// Above zero, at least a nanosecond per bucket. The longest durations never end.
        length: Duration,
        /// 1 to 1,000.
        buckets: u32,
    },
    /// The last so many calls, 1 to 1,000,000; two bits of memory each.
    LastCalls(u32),
}

impl Window {
    /// The calls of the last `length`, in 10 buckets.
    #[must_use]
    pub const fn time(length: Duration) -> Self {
        Self::Time { length, buckets: 10 }
    }

    /// The last so many calls, 1 to 1,000,000.
    #[must_use]
    pub const fn last_calls(calls: u32) -> Self {
        Self::LastCalls(calls)
    }

    fn tell(self, visit: &mut Visit<'_>, default: Self) {
        match (self, default) {
            (Self::Time { length, buckets }, Self::Time { length: usual, buckets: usually }) => {
                visit("window.length", length.into(), Some(usual.into()));
                visit("window.buckets", buckets.into(), Some(usually.into()));
            }
            (Self::Time { length, buckets }, _) => {
                visit("window.length", length.into(), None);
                visit("window.buckets", buckets.into(), None);
            }
            (Self::LastCalls(calls), _) => visit("window.calls", calls.into(), None),
        }
    }

    fn shape(self) -> Result<Shape, InvalidConfig> {
        let shape = match self {
            Self::Time { length, buckets } => {
                let rule = "a time window has 1 to 1000 buckets, each of at least a nanosecond";
                InvalidConfig::check((1..=1_000).contains(&buckets), "window", self, rule)?;
                let bucket = length / buckets;
                InvalidConfig::check(!bucket.is_zero(), "window", self, rule)?;
                Shape::Time { bucket, buckets }
            }
            Self::LastCalls(calls) => {
                let rule = "a window holds 1 to 1000000 calls";
                InvalidConfig::check((1..=1_000_000).contains(&calls), "window", self, rule)?;
                Shape::Last(calls)
            }
        };
        Ok(shape)
    }
}

/// When failures are an outage: so many in a row, over so much time, without one success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// How many failures, at least 1.
    pub failures: u32,
    /// How long after the first of them. Zero: the number alone decides. The longest durations mean never.
    pub span: Duration,
}

impl Outage {
    /// So many failures in a row, the last one at least `span` after the first.
    #[must_use]
    pub const fn new(failures: u32, span: Duration) -> Self {
        Self { failures, span }
    }
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self {
            window: Window::time(Duration::from_secs(10)),
            min_calls: 100,
            failure_rate: 0.5,
            outage: Some(Outage::new(5, Duration::from_secs(1))),
            slow_call_duration: None,
            slow_call_rate: None,
            trial_calls: 5,
            trial_successes: 3,
            trial_timeout: Duration::from_secs(10),
            open_time: Duration::from_secs(2),
            open_time_factor: 1.5,
            open_time_cap: Duration::from_secs(10),
            open_time_jitter: 0.25,
            cancelled_after: Some(Duration::from_millis(500)),
            seed: None,
        }
    }
}

macro_rules! setters {
    ($($name:ident: $ty:ty),* $(,)?) => {$(
        #[doc = concat!("Sets [`", stringify!($name), "`](Self#structfield.", stringify!($name), ").")]
        pub fn $name(mut self, $name: $ty) -> Self {
            self.$name = $name.into();
            self
        }
    )*};
}

impl CircuitBreakerConfig {
    // What may be absent takes the value itself as well as an `Option` of it.
    setters! {
        window: Window,
        min_calls: u32,
        failure_rate: f64,
        outage: impl Into<Option<Outage>>,
        slow_call_duration: impl Into<Option<Duration>>,
        slow_call_rate: impl Into<Option<f64>>,
        trial_calls: u32,
        trial_successes: u32,
        trial_timeout: Duration,
        open_time: Duration,
        open_time_factor: f64,
        open_time_cap: Duration,
        open_time_jitter: f64,
        cancelled_after: impl Into<Option<Duration>>,
        seed: impl Into<Option<u64>>,
    }

    /// All of them by name, with their defaults.
    pub(super) fn tell(&self, visit: &mut Visit<'_>) {
        let default = Self::default();
        macro_rules! tell {
            ($($field:ident)*) => {
                $(visit(stringify!($field), self.$field.into(), Some(default.$field.into()));)*
            };
        }
        self.window.tell(visit, default.window);
        tell!(min_calls failure_rate);
        match (self.outage, default.outage) {
            (Some(outage), default) => {
                visit(
                    "outage.failures",
                    outage.failures.into(),
                    default.map(|outage| outage.failures.into()),
                );
                visit("outage.span", outage.span.into(), default.map(|outage| outage.span.into()));
            }
            (None, _) => visit("outage", SettingValue::None, None),
        }
        tell!(slow_call_duration slow_call_rate trial_calls trial_successes trial_timeout);
        tell!(open_time open_time_factor open_time_cap open_time_jitter cancelled_after seed);
    }

    pub(super) fn check(&self) -> Result<Settings, InvalidConfig> {
        Ok(Settings {
            window: self.window.shape()?,
            min_calls: self.check_min_calls()?,
            failure_rate: Ratio::new("failure_rate", self.failure_rate)?,
            outage: self.outage.map(check_outage).transpose()?,
            slow: self.check_slow()?,
            trials: self.check_trials()?,
            open_time: self.check_open_time()?,
            cancelled_after: self
                .cancelled_after
                .map(|after| above_zero("cancelled_after", after))
                .transpose()?,
        })
    }

    fn check_min_calls(&self) -> Result<u64, InvalidConfig> {
        let most = match self.window {
            Window::LastCalls(calls) => calls,
            Window::Time { .. } => u32::MAX,
        };
        let rule = "at least 1, and at most as many calls as the window holds";
        InvalidConfig::check((1..=most).contains(&self.min_calls), "min_calls", self.min_calls, rule)?;
        Ok(self.min_calls.into())
    }

    fn check_slow(&self) -> Result<Option<SlowRule>, InvalidConfig> {
        const TOGETHER: &str = "slow_call_duration and slow_call_rate are set together";
        match (self.slow_call_duration, self.slow_call_rate) {
            (None, None) => Ok(None),
            (Some(duration), Some(rate)) => Ok(Some(SlowRule {
                longer_than: above_zero("slow_call_duration", duration)?,
                rate: Ratio::new("slow_call_rate", rate)?,
            })),
            (None, rate) => Err(InvalidConfig::new("slow_call_rate", rate, TOGETHER)),
            (duration, None) => Err(InvalidConfig::new("slow_call_duration", duration, TOGETHER)),
        }
    }

    fn check_trials(&self) -> Result<TrialRule, InvalidConfig> {
        let (calls, successes) = (self.trial_calls, self.trial_successes);
        InvalidConfig::check((1..=1_000).contains(&calls), "trial_calls", calls, "1 to 1000")?;
        let rule = "at least 1 and at most trial_calls";
        InvalidConfig::check((1..=calls).contains(&successes), "trial_successes", successes, rule)?;
        let timeout = above_zero("trial_timeout", self.trial_timeout)?;
        let is_patient = self.slow_call_duration.is_none_or(|slow| slow <= timeout);
        let rule = "a trial call must get as much time as makes it slow: at least slow_call_duration";
        InvalidConfig::check(is_patient, "trial_timeout", timeout, rule)?;
        Ok(TrialRule { calls, successes, timeout })
    }

    fn check_open_time(&self) -> Result<OpenTime, InvalidConfig> {
        let (factor, cap, jitter) = (self.open_time_factor, self.open_time_cap, self.open_time_jitter);
        let base = above_zero("open_time", self.open_time)?;
        InvalidConfig::check(base <= cap, "open_time", base, "at most open_time_cap")?;
        let rule = "a finite number, at least 1";
        InvalidConfig::check(factor.is_finite() && factor >= 1.0, "open_time_factor", factor, rule)?;
        let rule = "a share, at least 0 and below 1";
        InvalidConfig::check((0.0..1.0).contains(&jitter), "open_time_jitter", jitter, rule)?;
        Ok(OpenTime { base, factor, cap, jitter })
    }
}

fn check_outage(outage: Outage) -> Result<OutageRule, InvalidConfig> {
    InvalidConfig::check(outage.failures > 0, "outage", outage, "at least 1 failure")?;
    Ok(OutageRule { failures: outage.failures.into(), span: outage.span })
}

fn above_zero(field: &'static str, duration: Duration) -> Result<Duration, InvalidConfig> {
    InvalidConfig::check(nanos(duration) > 0, field, duration, "must be above zero")?;
    Ok(duration)
}
