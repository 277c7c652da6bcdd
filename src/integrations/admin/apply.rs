//! Carries out what was understood.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use super::change::{Action, Change, Target};
use super::refusal::Refusal;
use crate::registry::{Engine, Override, Registry, by_hand};
use crate::{Mode, Quota};

const NOTHING: &str = "nothing was set";

/// Does it, and says what was done.
pub(super) fn apply(change: &Change) -> Result<String, Refusal> {
    match &change.target {
        Target::Process => Ok(to_process(change)),
        Target::Engine { stack, layer, name } => {
            let engine = Registry::global().find(stack, layer, name);
            let unknown = || Refusal::new(StatusCode::NOT_FOUND, "there is no such engine");
            to_engine(&engine.ok_or_else(unknown)?, change)
        }
    }
}

fn to_process(change: &Change) -> String {
    match change.action {
        Action::Mode(mode, time) => {
            Registry::global().set_mode(an_override(mode, time, change));
            match mode {
                // As ever, which has no end.
                Mode::Enforce => "mode of the process set to enforce".into(),
                _ => format!("mode of the process set to {mode} for {time:?}"),
            }
        }
        _ if Registry::global().take_mode_back(&change.reason, &change.by) => {
            "mode of the process taken back".into()
        }
        _ => NOTHING.into(),
    }
}

fn an_override(mode: Mode, time: Duration, change: &Change) -> Override {
    Override::new(mode).time_to_live(time).reason(change.reason.as_str()).by(change.by.as_str())
}

fn to_engine(engine: &Engine, change: &Change) -> Result<String, Refusal> {
    match change.action {
        Action::Mode(..) if matches!(engine, Engine::RetryBudget(_)) => {
            let rule = "a budget has no mode of its own: switch layer retry";
            Err(Refusal::of("layer", json!("retry_budget"), rule))
        }
        Action::Mode(mode, time) => {
            engine.set_override(an_override(mode, time, change));
            Ok(format!("mode set to {mode} for {time:?}"))
        }
        Action::Clear if engine.take_override_back(&change.reason, &change.by) => {
            Ok("override taken back".into())
        }
        Action::Clear => Ok(NOTHING.into()),
        Action::Limit(limit, burst) => {
            engine.change(&change.reason, &change.by, |engine| set_limit(engine, limit, burst))
        }
        action => {
            let done = hold(engine, action)?;
            by_hand(Some(engine.identity()), &done, &change.reason, &change.by);
            Ok(done)
        }
    }
}

fn hold(engine: &Engine, action: Action) -> Result<String, Refusal> {
    match (engine, action) {
        (Engine::CircuitBreaker(breaker), Action::Isolate(time)) => {
            breaker.isolate_for(time);
            Ok(format!("isolated for {time:?}"))
        }
        (Engine::CircuitBreaker(breaker), Action::Bypass(time)) => {
            breaker.bypass_for(time);
            Ok(format!("bypassed for {time:?}"))
        }
        (Engine::CircuitBreaker(breaker), Action::Automatic) => {
            breaker.automatic();
            Ok("set back to automatic".into())
        }
        (Engine::CircuitBreaker(breaker), Action::Reset) => {
            breaker.reset();
            Ok("reset".into())
        }
        (Engine::KeyedCircuitBreaker(_), _) => {
            let rule = "of a circuit_breaker per key, circuits are held one by one, in code";
            Err(Refusal::of("layer", json!("circuit_breaker"), rule))
        }
        (engine, _) => {
            let layer = engine.identity().layer;
            Err(Refusal::of(
                "layer",
                json!(layer),
                "isolate, bypass, automatic and reset are for a circuit_breaker",
            ))
        }
    }
}

fn set_limit(engine: &Engine, limit: f64, burst: Option<u32>) -> Result<String, Refusal> {
    if let (Some(burst), false) = (burst, engine.identity().layer == "rate_limit") {
        return Err(Refusal::of("burst", json!(burst), "burst is for a rate_limit"));
    }
    let set = match engine {
        Engine::Bulkhead(bulkhead) => bulkhead.set_limit(whole(limit)? as usize),
        Engine::KeyedBulkhead(bulkhead) => bulkhead.set_limit(whole(limit)? as usize),
        Engine::RateLimiter(limiter) => limiter.set_quota(quota(limiter.quota(), limit, burst)?),
        Engine::KeyedRateLimiter(limiter) => limiter.set_quota(quota(limiter.quota(), limit, burst)?),
        Engine::Timeout(timeout) => {
            let time = Duration::try_from_secs_f64(limit);
            let too_long = |_| Refusal::of("limit", json!(limit), "a number of seconds that is a time");
            timeout.set_limit(time.map_err(too_long)?)
        }
        engine => {
            let layer = engine.identity().layer;
            return Err(Refusal::of("layer", json!(layer), "limit is for a bulkhead, rate_limit or timeout"));
        }
    };
    set?;
    Ok(format!("limit set to {limit}"))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, and whole")]
fn whole(limit: f64) -> Result<u32, Refusal> {
    if (1.0..=f64::from(u32::MAX)).contains(&limit) && limit.fract() == 0.0 {
        Ok(limit as u32)
    } else {
        Err(Refusal::of("limit", json!(limit), "a whole number, at least 1 and at most 4294967295"))
    }
}

/// So many per second, said in the same period as before if it can be, with the burst there was or this one.
fn quota(before: Quota, per_second: f64, burst: Option<u32>) -> Result<Quota, Refusal> {
    let seconds = [1, 60, 60 * 60].map(Duration::from_secs);
    let one_every = Duration::try_from_secs_f64(1.0 / per_second).ok().filter(|period| !period.is_zero());
    let is_even = |period: &Duration| period.subsec_nanos() == 0;
    let after = in_period(per_second, before.period())
        .or_else(|| one_every.filter(is_even).map(Quota::every))
        .or_else(|| seconds.into_iter().find_map(|period| in_period(per_second, period)))
        .or_else(|| one_every.map(Quota::every));
    let rule = "a number per second that leaves at least a nanosecond and at most 36 years for each call";
    let after = after.ok_or_else(|| Refusal::of("limit", json!(per_second), rule))?;
    Ok(after.burst(burst.unwrap_or(before.burst_size())))
}

/// The same rate as a whole number of calls in this period, if it is one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, and whole")]
fn in_period(per_second: f64, period: Duration) -> Option<Quota> {
    let calls = per_second * period.as_secs_f64();
    let count = calls.round();
    let is_whole = (calls - count).abs() <= count * 1e-9;
    let fits = is_whole && (1.0..=f64::from(u32::MAX)).contains(&count);
    fits.then(|| Quota::per(count as u32, period))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_quota_keeps_its_period_and_its_burst() {
        for (before, per_second, after) in [
            (Quota::per_second(100), 50.0, Quota::per_second(50).burst(100)),
            (Quota::per_second(100).burst(7), 100.0, Quota::per_second(100).burst(7)),
            (Quota::per_minute(600).burst(7), 5.0, Quota::per_minute(300).burst(7)),
            (Quota::per_hour(10), 7.0 / 3_600.0, Quota::per_hour(7).burst(10)),
            (Quota::per_second(5), 0.5, Quota::every(seconds(2)).burst(5)),
            (Quota::per_second(5), 2.5, Quota::per_minute(150).burst(5)),
            (Quota::per_second(5), 0.75, Quota::per_minute(45).burst(5)),
            (Quota::every(seconds(2)), 0.25, Quota::every(seconds(4))),
            (Quota::every(seconds(2)), 3.0, Quota::per(6, seconds(2)).burst(1)),
            (Quota::per_second(5), 0.625, Quota::per_hour(2_250).burst(5)),
        ] {
            let is = quota(before, per_second, None).unwrap();
            assert!((is.rate_per_second() - per_second).abs() < 1e-6, "{before} {per_second}: {is}");
            assert_eq!(is, after, "{before} {per_second}");
            assert_eq!(quota(before, per_second, Some(9)).unwrap(), is.burst(9));
            let back = quota(is, before.rate_per_second(), None).unwrap();
            assert!((back.rate_per_second() - before.rate_per_second()).abs() < 1e-6, "{before}: {back}");
            assert_eq!(back.burst_size(), before.burst_size());
        }
    }

    #[test]
    fn a_rate_that_no_time_can_tell_is_refused() {
        for bad in [1e18, f64::MAX, 1e-300, f64::MIN_POSITIVE] {
            assert_eq!(quota(Quota::per_second(5), bad, None).unwrap_err().json()["field"], "limit", "{bad}");
        }
    }
}
