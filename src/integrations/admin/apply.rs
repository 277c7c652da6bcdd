//! Carries out what was understood.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use super::change::{Action, Change, Target};
use super::refusal::Refusal;
use crate::registry::{Engine, Override, Registry, by_hand};

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
            format!("mode of the process set to {mode} for {time:?}")
        }
        _ => {
            Registry::global().clear_mode(&change.by);
            "mode of the process taken back".into()
        }
    }
}

fn an_override(mode: crate::Mode, time: Duration, change: &Change) -> Override {
    Override::new(mode).time_to_live(time).reason(change.reason.as_str()).by(change.by.as_str())
}

fn to_engine(engine: &Engine, change: &Change) -> Result<String, Refusal> {
    match change.action {
        Action::Mode(mode, time) => {
            engine.set_override(an_override(mode, time, change));
            Ok(format!("mode set to {mode} for {time:?}"))
        }
        Action::Clear => {
            engine.clear_override(&change.by);
            Ok("override taken back".into())
        }
        Action::Limit(limit) => engine.change(&change.reason, &change.by, |engine| set_limit(engine, limit)),
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

fn set_limit(engine: &Engine, limit: f64) -> Result<String, Refusal> {
    let set = match engine {
        Engine::Bulkhead(bulkhead) => bulkhead.set_limit(whole(limit)? as usize),
        Engine::RateLimiter(limiter) => limiter.set_quota(quota(limiter.quota(), whole(limit)?)),
        Engine::KeyedRateLimiter(limiter) => limiter.set_quota(quota(limiter.quota(), whole(limit)?)),
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

/// So many per second. A burst that stood by itself is kept; one that came with the rate follows it.
fn quota(before: crate::Quota, per_second: u32) -> crate::Quota {
    let after = crate::Quota::per_second(per_second);
    if before.burst_size() == before.count() { after } else { after.burst(before.burst_size()) }
}
