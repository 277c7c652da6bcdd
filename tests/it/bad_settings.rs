//! Every public field of every type of settings, with each kind of value that is no setting: zero, not a number,
//! infinite, the largest, and one that contradicts another field. It is refused by an error that names field, value and
//! rule, or it means what is documented. A field that has no row here fails.

use std::fmt::Debug;
use std::time::Duration;

use buttress::circuit_breaker::{Outage, Window};
use buttress::{
    Backoff, BudgetConfig, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer,
    InvalidConfig, Quota, RateLimitLayer, RateLimiter, Retry, RetryPolicy, Timeout,
};

use Bad::{Contradictory, Infinite, Largest, NotANumber, Zero};

const ZERO: Duration = Duration::ZERO;
const MAX: Duration = Duration::MAX;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bad {
    Zero,
    NotANumber,
    Infinite,
    Largest,
    Contradictory,
}

/// What became of a value.
struct Row {
    field: &'static str,
    bad: Bad,
}

fn row<T>(
    field: &'static str,
    bad: Bad,
    built: Result<T, InvalidConfig>,
) -> (Row, Result<(), InvalidConfig>) {
    (Row { field, bad }, built.map(drop))
}

trait Verdict {
    /// It is refused by its own name.
    fn refused(self, value: impl Debug) -> Row;
    /// It is refused by the name of what the error is about.
    fn refused_as(self, field: &str, value: impl Debug) -> Row;
    /// It is a setting, and documented.
    fn means(self, what: &str) -> Row;
}

impl Verdict for (Row, Result<(), InvalidConfig>) {
    fn refused(self, value: impl Debug) -> Row {
        let field = self.0.field;
        self.refused_as(field, value)
    }

    #[track_caller]
    fn refused_as(self, field: &str, value: impl Debug) -> Row {
        let (row, built) = self;
        let error = built.expect_err(row.field);
        assert_eq!((error.field(), error.value()), (field, format!("{value:?}").as_str()));
        let told = error.to_string();
        assert!(!error.rule().is_empty() && told.contains(field) && told.contains(error.value()), "{told}");
        row
    }

    #[track_caller]
    fn means(self, what: &str) -> Row {
        let (row, built) = self;
        built.unwrap_or_else(|error| panic!("{what}: {error}"));
        row
    }
}

/// The fields of a type, as `Debug` shows them, and whether each is a fraction.
fn fields(settings: &impl Debug) -> Vec<(String, bool)> {
    let shown = format!("{settings:#?}");
    let outer =
        shown.lines().filter_map(|line| line.strip_prefix("    ").filter(|line| !line.starts_with(' ')));
    let fields = outer.filter_map(|line| line.split_once(": "));
    fields.map(|(field, value)| (field.to_owned(), value.contains('.') && !value.ends_with("s,"))).collect()
}

/// That each field has the rows of its type; what `rows` are about begins with this prefix.
fn assert_complete(settings: &impl Debug, prefix: &str, free: &[&str], rows: &[Row]) {
    let fields = fields(settings);
    assert!(!fields.is_empty(), "{settings:#?}");
    for (field, is_fraction) in fields {
        let needed: &[Bad] = match is_fraction {
            _ if free.contains(&field.as_str()) => continue,
            true => &[Zero, NotANumber, Infinite, Largest],
            false => &[Zero, Largest],
        };
        let name = format!("{prefix}{field}");
        for bad in needed {
            let has = rows.iter().any(|row| row.field == name && row.bad == *bad);
            assert!(has, "no row says what becomes of {name} if it is {bad:?}");
        }
    }
}

fn breaker(
    field: &'static str,
    bad: Bad,
    set: impl FnOnce(&mut CircuitBreakerConfig),
) -> (Row, Result<(), InvalidConfig>) {
    let mut config = CircuitBreakerConfig::default();
    set(&mut config);
    row(field, bad, CircuitBreaker::try_new(config))
}

#[test]
fn bc_01_to_09_each_field_of_a_breaker() {
    let time = |length, buckets| Window::Time { length, buckets };
    let slow = |c: &mut CircuitBreakerConfig, rate| {
        (c.slow_call_duration, c.slow_call_rate) = (Some(SECOND), Some(rate))
    };
    let rated = |c: &mut CircuitBreakerConfig, time| {
        (c.slow_call_duration, c.slow_call_rate) = (Some(time), Some(0.5))
    };
    let mut rows = vec![
        breaker("window", Zero, |c| c.window = Window::time(ZERO)).refused(Window::time(ZERO)),
        breaker("window", Zero, |c| c.window = time(SECOND, 0)).refused(time(SECOND, 0)),
        breaker("window", Zero, |c| c.window = Window::last_calls(0)).refused(Window::last_calls(0)),
        breaker("window", Largest, |c| c.window = Window::time(MAX)).means("it never ends"),
        breaker("window", Largest, |c| c.window = time(SECOND, u32::MAX)).refused(time(SECOND, u32::MAX)),
        breaker("window", Largest, |c| c.window = Window::last_calls(u32::MAX))
            .refused(Window::last_calls(u32::MAX)),
        breaker("window", Contradictory, |c| c.window = time(Duration::from_nanos(9), 10))
            .refused(time(Duration::from_nanos(9), 10)),
        breaker("min_calls", Zero, |c| c.min_calls = 0).refused(0),
        breaker("min_calls", Largest, |c| c.min_calls = u32::MAX).means("rates hardly ever mean anything"),
        breaker("min_calls", Contradictory, |c| c.window = Window::last_calls(99)).refused(100),
        breaker("outage", Zero, |c| c.outage = Some(Outage::new(0, SECOND))).refused(Outage::new(0, SECOND)),
        breaker("outage", Zero, |c| c.outage = Some(Outage::new(1, ZERO))).means("the number alone decides"),
        breaker("outage", Largest, |c| c.outage = Some(Outage::new(u32::MAX, MAX))).means("never"),
        breaker("slow_call_duration", Zero, |c| rated(c, ZERO)).refused(ZERO),
        breaker("slow_call_duration", Largest, |c| rated(c, MAX)).refused_as("trial_timeout", 10 * SECOND),
        breaker("slow_call_duration", Contradictory, |c| c.slow_call_duration = Some(SECOND))
            .refused(Some(SECOND)),
        breaker("slow_call_rate", Contradictory, |c| c.slow_call_rate = Some(0.5)).refused(Some(0.5)),
        breaker("trial_calls", Zero, |c| c.trial_calls = 0).refused(0),
        breaker("trial_calls", Largest, |c| c.trial_calls = u32::MAX).refused(u32::MAX),
        breaker("trial_successes", Zero, |c| c.trial_successes = 0).refused(0),
        breaker("trial_successes", Largest, |c| c.trial_successes = u32::MAX).refused(u32::MAX),
        breaker("trial_successes", Contradictory, |c| c.trial_calls = 2).refused(3),
        breaker("trial_timeout", Zero, |c| c.trial_timeout = ZERO).refused(ZERO),
        breaker("trial_timeout", Largest, |c| c.trial_timeout = MAX).means("never"),
        breaker("trial_timeout", Contradictory, |c| rated(c, 11 * SECOND)).refused(10 * SECOND),
        breaker("open_time", Zero, |c| c.open_time = ZERO).refused(ZERO),
        breaker("open_time", Largest, |c| c.open_time = MAX).refused(MAX),
        breaker("open_time", Contradictory, |c| c.open_time = 11 * SECOND).refused(11 * SECOND),
        breaker("open_time_cap", Zero, |c| c.open_time_cap = ZERO).refused_as("open_time", 2 * SECOND),
        breaker("open_time_cap", Largest, |c| c.open_time_cap = MAX).means("until somebody resets it"),
        breaker("cancelled_after", Zero, |c| c.cancelled_after = Some(ZERO)).refused(ZERO),
        breaker("cancelled_after", Largest, |c| c.cancelled_after = Some(MAX))
            .means("no cancelled call counts"),
    ];
    for (bad, value) in [
        (Zero, 0.0),
        (Zero, -0.0),
        (NotANumber, f64::NAN),
        (Infinite, f64::INFINITY),
        (Infinite, f64::NEG_INFINITY),
        (Largest, f64::MAX),
    ] {
        rows.push(breaker("failure_rate", bad, |c| c.failure_rate = value).refused(value));
        rows.push(breaker("slow_call_rate", bad, |c| slow(c, value)).refused(value));
        let factor = breaker("open_time_factor", bad, |c| c.open_time_factor = value);
        rows.push(if bad == Largest { factor.means("at the cap at once") } else { factor.refused(value) });
        let jitter = breaker("open_time_jitter", bad, |c| c.open_time_jitter = value);
        rows.push(if bad == Zero { jitter.means("no jitter") } else { jitter.refused(value) });
    }
    // Any seed is one.
    assert_complete(&CircuitBreakerConfig::default(), "", &["seed"], &rows);
    let timed = CircuitBreakerConfig::default().slow_call_rate(0.5);
    assert!(fields(&timed).iter().any(|(field, _)| field == "slow_call_rate"));
    for bad in [Zero, NotANumber, Infinite, Largest] {
        assert!(rows.iter().any(|row| row.field == "slow_call_rate" && row.bad == bad), "absent by default");
    }
}

fn policy(
    field: &'static str,
    bad: Bad,
    set: impl FnOnce(&mut RetryPolicy),
) -> (Row, Result<(), InvalidConfig>) {
    let mut policy = RetryPolicy::default();
    set(&mut policy);
    row(field, bad, Retry::try_new(policy))
}

fn budget(
    field: &'static str,
    bad: Bad,
    set: impl FnOnce(&mut BudgetConfig),
) -> (Row, Result<(), InvalidConfig>) {
    let mut budget = BudgetConfig::default();
    set(&mut budget);
    policy(field, bad, |policy| policy.budget = Some(budget))
}

#[test]
fn bc_14_to_16_each_field_of_a_retry_policy() {
    let mut rows = vec![
        policy("max_attempts", Zero, |p| p.max_attempts = 0).refused(0),
        policy("max_attempts", Largest, |p| p.max_attempts = u32::MAX)
            .means("as often as budget and deadline allow"),
        policy("retry_after_cap", Zero, |p| p.retry_after_cap = ZERO).means("no service is waited for"),
        policy("retry_after_cap", Largest, |p| p.retry_after_cap = MAX).refused(MAX),
        policy("backoff.base", Zero, |p| p.backoff.base = ZERO).refused(ZERO),
        policy("backoff.base", Largest, |p| p.backoff.base = MAX).refused(MAX),
        policy("backoff.cap", Zero, |p| p.backoff.cap = ZERO).refused(ZERO),
        policy("backoff.cap", Largest, |p| p.backoff.cap = MAX).refused(MAX),
        policy("backoff.cap", Contradictory, |p| p.backoff.base = 3 * SECOND).refused(2 * SECOND),
        budget("budget.capacity", Zero, |b| b.capacity = 0).refused(0),
        budget("budget.capacity", Largest, |b| b.capacity = u32::MAX).means("as many tokens"),
        budget("budget.per_second", Contradictory, |b| b.per_second = 15.5).refused(15.5),
    ];
    for (bad, value) in [
        (Zero, 0.0),
        (NotANumber, f64::NAN),
        (Infinite, f64::INFINITY),
        (Infinite, f64::NEG_INFINITY),
        (Largest, f64::MAX),
    ] {
        let factor = policy("backoff.factor", bad, |p| p.backoff.factor = value);
        rows.push(if bad == Largest { factor.means("at the cap at once") } else { factor.refused(value) });
        let ratio = budget("budget.ratio", bad, |b| b.ratio = value);
        rows.push(if bad == Zero { ratio.means("calls earn nothing") } else { ratio.refused(value) });
        let per_second = budget("budget.per_second", bad, |b| b.per_second = value);
        rows.push(if bad == Zero {
            per_second.means("time earns nothing")
        } else {
            per_second.refused(value)
        });
    }
    // A kind, what has rows of its own below, and any seed.
    assert_complete(&RetryPolicy::default(), "", &["jitter", "backoff", "budget", "seed"], &rows);
    assert_complete(&Backoff::default(), "backoff.", &[], &rows);
    assert_complete(&BudgetConfig::default(), "budget.", &[], &rows);
}

fn quota(field: &'static str, bad: Bad, quota: Quota) -> (Row, Result<(), InvalidConfig>) {
    row(field, bad, RateLimiter::try_new(quota))
}

#[test]
fn bc_12_and_13_each_field_of_a_quota() {
    let refill = Quota::every(SECOND).burst(u32::MAX);
    let rows = [
        quota("count", Zero, Quota::per_second(0)).refused(0),
        quota("count", Largest, Quota::per_second(u32::MAX)).refused_as("quota", Quota::per_second(u32::MAX)),
        quota("period", Zero, Quota::every(ZERO)).refused(ZERO),
        quota("period", Largest, Quota::every(MAX)).refused_as("quota", Quota::every(MAX)),
        quota("burst", Zero, Quota::per_second(5).burst(0)).refused(0),
        quota("burst", Largest, Quota::per_second(1_000).burst(u32::MAX))
            .means("all at once after a long calm"),
        quota("burst", Contradictory, refill).refused_as("quota", refill),
    ];
    assert_complete(&Quota::per_second(1), "", &[], &rows);
}

/// What has no type of its own, but is an argument.
#[test]
fn bc_01_07_10_and_11_each_argument() {
    let queue = |len, wait| BulkheadLayer::new(8).try_queue(len, wait);
    let waits = |max| RateLimitLayer::new(Quota::per_second(1)).try_wait(max);
    let keys = |max| RateLimitLayer::per_key(Quota::per_second(1), |key: &u64| Some(*key)).try_max_keys(max);
    let key = |key: &u64| Some(*key);
    let config = CircuitBreakerConfig::default;
    let breakers = |config| CircuitBreakerLayer::try_per_key(config, key);
    let keyed = |max| BulkheadLayer::try_per_key(max, key);
    let keyed_queue = |len, wait| BulkheadLayer::per_key(8, key).try_queue(len, wait);
    let breaker_keys = |max| CircuitBreakerLayer::per_key(config(), key).try_max_keys(max);
    let bulkhead_keys = |max| BulkheadLayer::per_key(8, key).try_max_keys(max);
    let _rows = [
        row("min_calls", Zero, breakers(config().min_calls(0))).refused(0),
        row("failure_rate", NotANumber, breakers(config().failure_rate(f64::NAN))).refused(f64::NAN),
        row("max_keys", Zero, breaker_keys(0)).refused(0),
        row("max_keys", Largest, breaker_keys(usize::MAX)).means("as many as there is memory for"),
        row("max_concurrent", Zero, keyed(0)).refused(0),
        row("max_concurrent", Largest, keyed(usize::MAX)).refused(usize::MAX),
        row("queue", Zero, keyed_queue(0, SECOND)).refused(0),
        row("queue", Largest, keyed_queue(usize::MAX, SECOND)).refused(usize::MAX),
        row("max_wait", Zero, keyed_queue(1, ZERO)).refused(ZERO),
        row("max_wait", Largest, keyed_queue(1, MAX)).means("as long as it takes"),
        row("max_keys", Zero, bulkhead_keys(0)).refused(0),
        row("max_keys", Largest, bulkhead_keys(usize::MAX)).means("as many as there is memory for"),
        row("max_concurrent", Zero, BulkheadLayer::try_new(0)).refused(0),
        row("max_concurrent", Largest, BulkheadLayer::try_new(usize::MAX)).refused(usize::MAX),
        row("queue", Zero, queue(0, SECOND)).refused(0),
        row("queue", Largest, queue(usize::MAX, SECOND)).refused(usize::MAX),
        row("max_wait", Zero, queue(1, ZERO)).refused(ZERO),
        row("max_wait", Largest, queue(1, MAX)).means("as long as it takes"),
        row("max_wait", Zero, waits(ZERO)).refused(ZERO),
        row("max_wait", Largest, waits(MAX)).means("as long as it takes"),
        row("max_keys", Zero, keys(0)).refused(0),
        row("max_keys", Largest, keys(usize::MAX)).means("as many as there is memory for"),
        row("limit", Zero, Timeout::try_new(ZERO)).refused(ZERO),
        row("limit", Largest, Timeout::try_new(MAX)).means("never"),
    ];
}
