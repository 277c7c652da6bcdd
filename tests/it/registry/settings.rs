use std::collections::HashSet;
use std::time::Duration;

use buttress::circuit_breaker::{Outage, Window};
use buttress::registry::{Engine, EventLevel, Override, Setting, SettingSource, SettingValue};
use buttress::{
    Backoff, BudgetConfig, Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerConfig, Jitter,
    KeyedRateLimiter, Mode, Overflow, Quota, RateLimitLayer, RateLimiter, Retry, RetryBudget, RetryLayer,
    RetryPolicy, TimeoutLayer,
};

use super::{SECOND, events, one_of_each, shown};
use crate::support::alloc::allocations;

fn names(engine: &Engine) -> Vec<&'static str> {
    engine.settings().iter().map(|setting| setting.name).collect()
}

fn setting(engine: &Engine, name: &str) -> Setting {
    *engine.settings().iter().find(|setting| setting.name == name).unwrap()
}

/// What is not as it is by default, in words.
fn told(engine: &Engine) -> Vec<String> {
    let settings = engine.settings();
    let set = settings.iter().filter(|setting| setting.source != SettingSource::Default);
    set.map(|setting| format!("{setting} ({})", setting.source)).collect()
}

#[test]
fn every_engine_tells_what_it_is_set_to() {
    let [breaker, bulkhead, limiter, keyed, retry, budget, timeout, fallback] =
        one_of_each("telling settings");
    let expected = [
        "window.length",
        "window.buckets",
        "min_calls",
        "failure_rate",
        "outage.failures",
        "outage.span",
        "slow_call_duration",
        "slow_call_rate",
        "trial_calls",
        "trial_successes",
        "trial_timeout",
        "open_time",
        "open_time_factor",
        "open_time_cap",
        "open_time_jitter",
        "cancelled_after",
        "seed",
        "dry_run",
    ];
    assert_eq!(names(&breaker), expected);
    assert_eq!(names(&bulkhead), ["max_concurrent", "queue", "dry_run"]);
    assert_eq!(names(&limiter), ["quota.count", "quota.period", "quota.burst", "max_wait", "dry_run"]);
    let expected = ["quota.count", "quota.period", "quota.burst", "max_keys", "overflow", "dry_run"];
    assert_eq!(names(&keyed), expected);
    let expected = [
        "max_attempts",
        "backoff.base",
        "backoff.factor",
        "backoff.cap",
        "jitter",
        "retry_after_cap",
        "seed",
        "budget",
        "dry_run",
    ];
    assert_eq!(names(&retry), expected);
    assert_eq!(names(&budget), ["ratio", "per_second", "capacity"]);
    assert_eq!(names(&timeout), ["limit", "dry_run"]);
    assert_eq!(names(&fallback), ["dry_run"]);
}

#[test]
fn a_default_is_told_from_what_the_code_says() {
    let breaker =
        CircuitBreakerConfig::default().open_time(SECOND * 3).outage(None).window(Window::last_calls(500));
    let breaker = Engine::CircuitBreaker(CircuitBreaker::new(breaker));
    assert_eq!(told(&breaker), ["window.calls 500 (code)", "outage none (code)", "open_time 3s (code)"]);
    assert_eq!(setting(&breaker, "open_time_cap").value, SettingValue::Time(SECOND * 10));

    // The same value, given by hand, is the default all the same: nothing follows from who said it.
    let same = CircuitBreakerConfig::default().failure_rate(0.5).seed(7);
    assert_eq!(told(&Engine::CircuitBreaker(CircuitBreaker::new(same))), ["seed 7 (code)"]);

    let layer = BulkheadLayer::new(8).queue(16, SECOND).dry_run(true);
    let expected = ["max_concurrent 8 (code)", "queue 16 (code)", "max_wait 1s (code)", "dry_run on (code)"];
    assert_eq!(told(&Engine::Bulkhead(layer.bulkhead())), expected);

    let layer = RateLimitLayer::new(Quota::per_minute(60).burst(2)).wait(SECOND);
    let expected =
        ["quota.count 60 (code)", "quota.period 60s (code)", "quota.burst 2 (code)", "max_wait 1s (code)"];
    assert_eq!(told(&Engine::RateLimiter(layer.limiter())), expected);

    let layer = RateLimitLayer::per_key(Quota::every(SECOND), |request: &u64| Some(*request))
        .max_keys(10)
        .overflow(Overflow::Reject);
    let expected = ["max_keys 10 (code)", "overflow reject (code)"];
    assert_eq!(told(&Engine::KeyedRateLimiter(layer.limiter()))[3..], expected);

    let policy = RetryPolicy::default().backoff(Backoff::constant(SECOND)).jitter(Jitter::None).budget(None);
    let expected = [
        "backoff.base 1s (code)",
        "backoff.factor 1 (code)",
        "backoff.cap 1s (code)",
        "jitter none (code)",
        "budget none (code)",
    ];
    assert_eq!(told(&Engine::Retry(Retry::new(policy))), expected);

    let layer = RetryLayer::new(RetryPolicy::default()).budget(RetryBudget::new(BudgetConfig::default()));
    assert_eq!(told(&Engine::Retry(layer.retry())), ["budget shared (code)"]);
}

#[test]
fn what_a_handle_changes_is_told_from_what_the_code_made() {
    let layer = TimeoutLayer::new(SECOND);
    let engine = Engine::Timeout(layer.timeout());
    layer.timeout().set_limit(SECOND * 2).unwrap();
    assert_eq!(told(&engine), ["limit 2s (run_time)"]);
    layer.timeout().set_limit(SECOND).unwrap();
    assert_eq!(told(&engine), ["limit 1s (code)"]);
    let layer = layer.dry_run(true);
    assert_eq!(told(&engine), ["limit 1s (code)", "dry_run on (code)"]);
    layer.timeout().set_dry_run(false);
    assert_eq!(setting(&engine, "dry_run").source, SettingSource::RunTime);

    // Of many settings, only those that changed.
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default().open_time(SECOND * 3));
    breaker.set_config(breaker.config().failure_rate(0.2)).unwrap();
    assert_eq!(
        told(&Engine::CircuitBreaker(breaker.clone())),
        ["failure_rate 0.2 (run_time)", "open_time 3s (code)"]
    );
    // A fork is made in code, of what is in force.
    assert_eq!(
        told(&Engine::CircuitBreaker(breaker.fork("other"))),
        ["failure_rate 0.2 (code)", "open_time 3s (code)"]
    );

    let budget = RetryBudget::new(BudgetConfig::default());
    budget.set_config(BudgetConfig::default().ratio(0.2)).unwrap();
    assert_eq!(told(&Engine::RetryBudget(budget)), ["ratio 0.2 (run_time)"]);

    // The budget's settings are its own, also when they come with the policy.
    let retry = Retry::new(RetryPolicy::default());
    let policy = RetryPolicy::default().max_attempts(5).budget(BudgetConfig::default().capacity(99));
    retry.set_policy(policy).unwrap();
    assert_eq!(told(&Engine::Retry(retry.clone())), ["max_attempts 5 (run_time)"]);
    assert_eq!(told(&Engine::RetryBudget(retry.budget().unwrap())), ["capacity 99 (run_time)"]);

    // A bad value changes nothing.
    assert!(retry.set_policy(RetryPolicy::default().max_attempts(0)).is_err());
    assert_eq!(setting(&Engine::Retry(retry), "max_attempts").value, 5_u32.into());
}

#[test]
fn a_change_by_hand_is_told_with_the_person_and_the_reason() {
    let bulkhead = Bulkhead::new(64).in_stack("changed by hand");
    let engine = Engine::Bulkhead(bulkhead.clone());
    engine
        .change("INC-42", "ada", |engine| match engine {
            Engine::Bulkhead(bulkhead) => bulkhead.set_limit(20).and_then(|()| bulkhead.set_queue(5, SECOND)),
            _ => unreachable!(),
        })
        .unwrap();
    let expected = ["max_concurrent 20 (override)", "queue 5 (override)", "max_wait 1s (override)"];
    assert_eq!(told(&engine), expected);
    let events = events("changed by hand");
    assert_eq!((events.len(), events[0].level, events[0].kind), (1, EventLevel::Warn, "override"));
    assert_eq!(
        events[0].message,
        "max_concurrent changed from 64 to 20, queue changed from none to 5, max_wait changed from none to 1s \
         by ada: INC-42"
    );
    // What changes nothing is not told.
    engine.change("INC-42", "ada", |_| bulkhead.set_limit(0).unwrap_err());
    assert_eq!(self::events("changed by hand").len(), 1);
}

#[test]
fn equal_settings_have_equal_fingerprints_and_forks_have_their_originals() {
    let of = |engines: &[Engine]| engines.iter().map(Engine::fingerprint).collect::<Vec<_>>();
    let (a, b) = (one_of_each("fingerprints a"), one_of_each("fingerprints b"));
    assert_eq!(of(&a), of(&b));
    assert_eq!(of(&a).into_iter().collect::<HashSet<_>>().len(), 8, "{:?}", of(&a));
    assert!(of(&a).iter().all(|one| (1..1 << 52).contains(one)));

    let Engine::CircuitBreaker(breaker) = &a[0] else { unreachable!() };
    assert_eq!(Engine::CircuitBreaker(breaker.fork("other")).fingerprint(), a[0].fingerprint());
    let shown: Vec<_> = shown("fingerprints a").iter().map(|engine| engine.fingerprint).collect();
    assert_eq!(shown[..4], of(&a)[..4]);

    // What is switched by hand is no setting, and what is counted is none either.
    let before = a[0].fingerprint();
    a[0].set_override(Override::new(Mode::Off));
    breaker.isolate();
    assert_eq!(a[0].fingerprint(), before);
}

/// Dashboards compare it between instances, and over deploys.
#[test]
fn the_fingerprint_of_default_settings_stays_what_it_was() {
    let breaker = Engine::CircuitBreaker(CircuitBreaker::new(CircuitBreakerConfig::default()));
    assert_eq!(breaker.fingerprint(), 3_073_871_115_659_088);
}

#[test]
fn any_change_of_a_breaker_changes_its_fingerprint() {
    let config = CircuitBreakerConfig::default;
    let slow = || config().slow_call_duration(SECOND).slow_call_rate(0.5);
    let configs = [
        config(),
        config().window(Window::time(SECOND * 20)),
        config().window(Window::Time { length: SECOND * 10, buckets: 20 }),
        config().window(Window::last_calls(200)),
        config().min_calls(99),
        config().failure_rate(0.25),
        config().outage(None),
        config().outage(Outage::new(6, SECOND)),
        config().outage(Outage::new(5, SECOND * 2)),
        slow(),
        slow().slow_call_rate(0.6),
        slow().slow_call_duration(SECOND * 2),
        config().trial_calls(6),
        config().trial_successes(2),
        config().trial_timeout(SECOND * 11),
        config().open_time(SECOND),
        config().open_time_factor(2.0),
        config().open_time_cap(SECOND * 11),
        config().open_time_jitter(0.0),
        config().cancelled_after(None),
        config().cancelled_after(SECOND),
        config().seed(0),
        config().seed(1),
    ];
    let all: HashSet<_> = configs
        .iter()
        .map(|config| Engine::CircuitBreaker(CircuitBreaker::new(config.clone())).fingerprint())
        .collect();
    assert_eq!(all.len(), configs.len());
}

#[test]
fn any_setter_of_a_handle_changes_the_fingerprint() {
    let [.., timeout, fallback] = one_of_each("fingerprints of setters");
    let changes = |engine: &Engine, change: &dyn Fn()| {
        let before = engine.fingerprint();
        change();
        assert_ne!(engine.fingerprint(), before, "{:?}", engine.settings());
    };
    let Engine::Timeout(handle) = &timeout else { unreachable!() };
    changes(&timeout, &|| handle.set_limit(Duration::from_nanos(1)).unwrap());
    changes(&timeout, &|| handle.set_dry_run(true));
    let Engine::Fallback(handle) = &fallback else { unreachable!() };
    changes(&fallback, &|| handle.set_dry_run(true));

    let bulkhead = Bulkhead::new(1);
    let engine = Engine::Bulkhead(bulkhead.clone());
    changes(&engine, &|| bulkhead.set_limit(2).unwrap());
    changes(&engine, &|| bulkhead.set_queue(1, SECOND).unwrap());
    changes(&engine, &|| bulkhead.set_queue(2, SECOND).unwrap());
    changes(&engine, &|| bulkhead.set_queue(2, SECOND * 2).unwrap());

    let limiter = RateLimiter::new(Quota::per_second(60));
    let engine = Engine::RateLimiter(limiter.clone());
    changes(&engine, &|| limiter.set_quota(Quota::per_minute(60)).unwrap());
    changes(&engine, &|| limiter.set_quota(Quota::per_minute(60).burst(1)).unwrap());
    changes(&engine, &|| limiter.set_max_wait(SECOND).unwrap());

    let keyed = KeyedRateLimiter::new(Quota::per_second(60));
    let engine = Engine::KeyedRateLimiter(keyed.clone());
    changes(&engine, &|| keyed.set_quota(Quota::per_second(61)).unwrap());
    changes(&engine, &|| keyed.set_max_keys(7).unwrap());
    changes(&engine, &|| keyed.set_overflow(Overflow::Reject));

    let retry = Retry::new(RetryPolicy::default());
    let engine = Engine::Retry(retry.clone());
    let policy = || retry.policy();
    changes(&engine, &|| retry.set_policy(policy().max_attempts(4)).unwrap());
    changes(&engine, &|| retry.set_policy(policy().backoff(Backoff::constant(SECOND))).unwrap());
    changes(&engine, &|| retry.set_policy(policy().jitter(Jitter::Equal)).unwrap());
    changes(&engine, &|| retry.set_policy(policy().retry_after_cap(SECOND)).unwrap());
    changes(&engine, &|| retry.set_policy(policy().seed(1)).unwrap());
    changes(&engine, &|| retry.set_policy(policy().budget(None)).unwrap());

    let budget = RetryBudget::new(BudgetConfig::default());
    let engine = Engine::RetryBudget(budget.clone());
    for config in [budget.config().ratio(0.2), budget.config().per_second(2.0), budget.config().capacity(7)] {
        changes(&engine, &|| budget.set_config(config).unwrap());
    }
}

#[test]
fn a_fingerprint_costs_no_allocation() {
    let engines = one_of_each("frugal fingerprints");
    let count = allocations(|| {
        for engine in &engines {
            assert_ne!(engine.fingerprint(), 0);
        }
    });
    assert_eq!(count, 0);
}

#[cfg(feature = "serde")]
#[test]
fn settings_are_readable_as_json() {
    let policy = RetryPolicy::default().max_attempts(2).budget(None);
    let retry = Engine::Retry(Retry::new(policy));
    let json = serde_json::to_value(retry.settings()).unwrap();
    let expected = serde_json::json!({ "name": "max_attempts", "value": 2, "source": "code" });
    assert_eq!(json[0], expected);
    let expected = serde_json::json!({ "name": "backoff.base", "value": 0.1, "source": "default" });
    assert_eq!(json[1], expected);
    let value = |name: &str| serde_json::to_value(setting(&retry, name).value).unwrap();
    assert_eq!((value("jitter"), value("budget")), ("full".into(), serde_json::Value::Null));
    assert_eq!((value("backoff.factor"), value("dry_run")), (2.0.into(), false.into()));
}
