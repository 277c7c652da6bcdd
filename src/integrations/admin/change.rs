//! What a request for an override says. Plain data: nothing happens here.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::Mode;
use crate::registry::presentable;

/// A request that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) target: Target,
    pub(super) action: Action,
    pub(super) reason: String,
    pub(super) by: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Process,
    Engine { stack: String, layer: String, name: String },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    Isolate(Duration),
    Bypass(Duration),
    Automatic,
    Reset,
    Mode(Mode, Duration),
    Clear,
    /// Calls at once, calls per second (and perhaps a burst) or seconds, by the kind of engine.
    Limit(f64, Option<u32>),
}

const ACTIONS: &str = "one of isolate, bypass, automatic, reset, mode, clear, limit";
/// The longest time to live: what is meant to stay belongs into the code.
const WEEK: f64 = 7.0 * 24.0 * 60.0 * 60.0;
/// The longest reason, in characters: so much is kept.
const REASON: usize = 200;

impl Change {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let object = match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(Refusal::new(StatusCode::BAD_REQUEST, "a JSON object is needed")),
            Err(error) => return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("no JSON: {error}"))),
        };
        let mut fields = Fields(object);
        let action = fields.action()?;
        let target = fields.target()?;
        let reason = fields.text("reason", REASON)?;
        let by = if fields.0.contains_key("by") { fields.text("by", 100)? } else { String::new() };
        fields.finish()?;
        if target == Target::Process && !matches!(action, Action::Mode(..) | Action::Clear) {
            let rule = "the whole process has a mode only; name stack, layer and name of an engine";
            return Err(Refusal::of("stack", Value::Null, rule));
        }
        Ok(Self { target, action, reason, by })
    }
}

/// The fields that nobody has asked for yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn take(&mut self, field: &'static str) -> Value {
        self.0.remove(field).unwrap_or(Value::Null)
    }

    fn action(&mut self) -> Result<Action, Refusal> {
        let word = self.take("action");
        Ok(match word.as_str() {
            Some("isolate") => Action::Isolate(self.time_to_live()?),
            Some("bypass") => Action::Bypass(self.time_to_live()?),
            Some("automatic") => Action::Automatic,
            Some("reset") => Action::Reset,
            Some("mode") => Action::Mode(self.mode()?, self.time_to_live()?),
            Some("clear") => Action::Clear,
            Some("limit") => {
                Action::Limit(self.number("limit", f64::MAX, "a number above 0")?, self.burst()?)
            }
            _ => return Err(Refusal::of("action", word, ACTIONS)),
        })
    }

    fn mode(&mut self) -> Result<Mode, Refusal> {
        let word = self.take("mode");
        let mode = Mode::ALL.into_iter().find(|mode| word.as_str() == Some(mode.as_str()));
        mode.ok_or_else(|| Refusal::of("mode", word, "one of enforce, dry_run, off"))
    }

    fn time_to_live(&mut self) -> Result<Duration, Refusal> {
        let rule = "a number of seconds, above 0 and at most 604800 (a week): no override is for ever";
        self.number("ttl_seconds", WEEK, rule).map(Duration::from_secs_f64)
    }

    fn burst(&mut self) -> Result<Option<u32>, Refusal> {
        let value = self.take("burst");
        let burst = value.as_u64().and_then(|burst| u32::try_from(burst).ok()).filter(|burst| *burst > 0);
        match (burst, &value) {
            (None, Value::Null) => Ok(None),
            (None, _) => {
                Err(Refusal::of("burst", value, "a whole number, at least 1 and at most 4294967295"))
            }
            _ => Ok(burst),
        }
    }

    fn number(&mut self, field: &'static str, most: f64, rule: &str) -> Result<f64, Refusal> {
        let value = self.take(field);
        let number = value.as_f64().filter(|number| *number > 0.0 && *number <= most);
        number.ok_or_else(|| Refusal::of(field, value, rule))
    }

    /// The identity of an engine, or nothing of it.
    fn target(&mut self) -> Result<Target, Refusal> {
        if !["stack", "layer", "name"].into_iter().any(|field| self.0.contains_key(field)) {
            return Ok(Target::Process);
        }
        let mut word = |field| match self.take(field) {
            Value::String(word) => Ok(word),
            other => Err(Refusal::of(field, other, "the text that the snapshot shows")),
        };
        Ok(Target::Engine { stack: word("stack")?, layer: word("layer")?, name: word("name")? })
    }

    /// Words of a person. They go to a log, where a line break would begin a line of its own, and what turns
    /// the direction of writing would hide who did what.
    fn text(&mut self, field: &'static str, most: usize) -> Result<String, Refusal> {
        let value = self.take(field);
        let fits =
            |text: &&str| (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        let text = value.as_str().map(str::trim).filter(fits).map(presentable);
        // What is replaced may be all there is.
        match text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => Ok(text.to_owned()),
            None => Err(Refusal::of(field, value, format!("1 to {most} characters in one line"))),
        }
    }

    fn finish(self) -> Result<(), Refusal> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((field, value)) => Err(Refusal::of(field, value, "no such field for this action")),
        }
    }
}

#[cfg(test)]
mod tests;
