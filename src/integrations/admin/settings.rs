//! Settings in force, and where they come from.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use ::serde::Serialize;

use super::history::{Key, MOST};
use crate::registry::Engine;

/// A setting as text, with what it would be by default.
pub(super) type Plain = (&'static str, String, Option<String>);

/// A setting with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Setting {
    name: &'static str,
    value: String,
    /// What it would be by default; absent where there is no default.
    #[serde(skip_serializing_if = "Option::is_none")]
    standard: Option<String>,
    source: Source,
    /// What it was when it was first seen, if it has changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// Nobody set it.
    Default,
    /// The code that made the engine, or configuration that it read.
    Code,
    /// It was changed after it was first seen.
    RunTime,
    /// It holds by an override, for a time.
    Override,
}

/// The settings of each engine when it was first seen: what the code made of it.
#[derive(Debug, Default)]
pub(super) struct FirstSeen(HashMap<Key, Vec<Plain>>);

impl FirstSeen {
    /// Keeps what is new, and lets go of engines that are gone.
    pub(super) fn look(&mut self, engines: &[(Key, Engine)]) {
        for (key, engine) in engines {
            if self.0.len() < MOST && !self.0.contains_key(key) {
                self.0.insert(*key, plain(engine));
            }
        }
        if self.0.len() > engines.len() {
            let there: HashSet<_> = engines.iter().map(|(key, _)| *key).collect();
            self.0.retain(|key, _| there.contains(key));
        }
    }

    pub(super) fn settings(&self, key: &Key, engine: &Engine) -> Vec<Setting> {
        let first = self.0.get(key).map_or(&[][..], Vec::as_slice);
        plain(engine).into_iter().map(|now| setting(now, first)).chain([mode(engine)]).collect()
    }
}

fn setting((name, value, standard): Plain, first: &[Plain]) -> Setting {
    let before = first.iter().find(|(known, ..)| *known == name).map(|(_, value, _)| value);
    let before = before.filter(|before| **before != value).cloned();
    let source = match (&before, &standard) {
        (Some(_), _) => Source::RunTime,
        (None, Some(standard)) if *standard == value => Source::Default,
        _ => Source::Code,
    };
    Setting { name, value, standard, source, before }
}

fn mode(engine: &Engine) -> Setting {
    let mode = engine.mode();
    let source = match (engine.overridden(), mode) {
        (Some(_), _) => Source::Override,
        (None, crate::Mode::Enforce) => Source::Default,
        (None, _) if crate::registry::Registry::global().mode() == mode => Source::Override,
        _ => Source::Code,
    };
    let standard = Some(crate::Mode::Enforce.as_str().into());
    Setting { name: "mode", value: mode.as_str().into(), standard, source, before: None }
}

/// What the engine is set to.
fn plain(engine: &Engine) -> Vec<Plain> {
    match engine {
        #[cfg(feature = "circuit-breaker")]
        Engine::CircuitBreaker(engine) => circuit_breaker(&engine.config()),
        #[cfg(feature = "bulkhead")]
        Engine::Bulkhead(engine) => {
            let now = engine.snapshot();
            let queue = if now.queue_len == 0 {
                Cow::Borrowed("none")
            } else {
                format!("{} for up to {:?}", now.queue_len, now.max_wait).into()
            };
            vec![("limit", now.limit.to_string(), None), ("queue", queue.into(), Some("none".into()))]
        }
        #[cfg(feature = "rate-limit")]
        Engine::RateLimiter(engine) => vec![
            ("quota", engine.quota().to_string(), None),
            ("max_wait", text(engine.max_wait()), Some(text(crate::rate_limit::MAX_WAIT))),
        ],
        #[cfg(feature = "rate-limit")]
        Engine::KeyedRateLimiter(engine) => {
            let now = engine.snapshot();
            vec![
                ("quota", format!("{}, each key", now.quota), None),
                ("max_keys", now.max_keys.to_string(), Some(crate::rate_limit::MAX_KEYS.to_string())),
            ]
        }
        #[cfg(feature = "retry")]
        Engine::Retry(engine) => retry(&engine.policy()),
        #[cfg(feature = "retry")]
        Engine::RetryBudget(engine) => budget(&engine.config()),
        #[cfg(feature = "timeout")]
        Engine::Timeout(engine) => vec![("limit", text(engine.limit()), None)],
        #[cfg(feature = "fallback")]
        Engine::Fallback(_) => Vec::new(),
    }
}

fn text(value: impl Debug) -> String {
    format!("{value:?}")
}

/// What may be switched off, without the words of an `Option`.
fn optional(value: Option<impl Debug>) -> String {
    value.map_or_else(|| "off".into(), text)
}

/// Each field of a config in force and by default, as text.
macro_rules! fields {
    ($config:ident, $default:expr, $($field:ident: $text:ident),* $(,)?) => {{
        let default = $default;
        vec![$((stringify!($field), $text($config.$field.clone()), Some($text(default.$field.clone())))),*]
    }};
}

#[cfg(feature = "circuit-breaker")]
fn circuit_breaker(config: &crate::CircuitBreakerConfig) -> Vec<Plain> {
    fields!(config, crate::CircuitBreakerConfig::default(),
        window: window, min_calls: text, failure_rate: text, outage: outage,
        slow_call_duration: optional, slow_call_rate: optional,
        trial_calls: text, trial_successes: text, trial_timeout: text,
        open_time: text, open_time_factor: text, open_time_cap: text, open_time_jitter: text,
        cancelled_after: optional,
    )
}

#[cfg(feature = "circuit-breaker")]
fn window(window: crate::circuit_breaker::Window) -> String {
    use crate::circuit_breaker::Window;
    match window {
        Window::Time { length, buckets } => format!("the last {length:?}, in {buckets} steps"),
        Window::LastCalls(calls) => format!("the last {calls} calls"),
    }
}

#[cfg(feature = "circuit-breaker")]
fn outage(outage: Option<crate::circuit_breaker::Outage>) -> String {
    let words = |outage: crate::circuit_breaker::Outage| {
        format!("{} failures over {:?}", outage.failures, outage.span)
    };
    outage.map_or_else(|| "off".into(), words)
}

#[cfg(feature = "retry")]
fn backoff(backoff: crate::Backoff) -> String {
    format!("{:?} × {:?}, up to {:?}", backoff.base, backoff.factor, backoff.cap)
}

#[cfg(feature = "retry")]
fn retry(policy: &crate::RetryPolicy) -> Vec<Plain> {
    fields!(policy, crate::RetryPolicy::default(),
        max_attempts: text, backoff: backoff, jitter: text, retry_after_cap: text)
}

#[cfg(feature = "retry")]
fn budget(config: &crate::BudgetConfig) -> Vec<Plain> {
    fields!(config, crate::BudgetConfig::default(), ratio: text, per_second: text, capacity: text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_a_setting() {
        let was = |value: &str| vec![("open_time", value.to_owned(), Some("2s".into()))];
        let source = |now: &str, first: &str| {
            setting(("open_time", now.into(), Some("2s".into())), &was(first)).source
        };
        assert_eq!(source("2s", "2s"), Source::Default);
        assert_eq!(source("5s", "5s"), Source::Code);
        assert_eq!(source("5s", "2s"), Source::RunTime);
        // Back at the default, but not because nobody touched it.
        assert_eq!(source("2s", "5s"), Source::RunTime);
        assert_eq!(setting(("limit", "64".into(), None), &[]).source, Source::Code);
    }
}
