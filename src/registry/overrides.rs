use std::time::Duration;

use super::switch::InForce;
use super::text::presentable;
use crate::mode::Mode;
use crate::units::Instant;

/// A mode set by hand: for one engine ([`Engine::set_override`](super::Engine::set_override)) or for the whole
/// process ([`Registry::set_mode`](super::Registry::set_mode)).
///
/// ```
/// use std::time::Duration;
/// use buttress::{Mode, registry::Override};
///
/// let off = Override::new(Mode::Off).time_to_live(Duration::from_secs(600)).reason("INC-42").by("ada");
/// assert_eq!((off.mode, off.reason.as_str()), (Mode::Off, "INC-42"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until it is set"]
#[non_exhaustive]
pub struct Override {
    /// The mode.
    pub mode: Mode,
    /// After which time it ends by itself. By default never.
    pub time_to_live: Option<Duration>,
    /// Why; for the log, and for whoever finds it. By default empty; beyond 200 characters it is cut off.
    pub reason: String,
    /// Who did it. By default empty; beyond 200 characters it is cut off.
    pub by: String,
}

impl Override {
    /// This mode, until it is taken back.
    pub fn new(mode: Mode) -> Self {
        Self { mode, time_to_live: None, reason: String::new(), by: String::new() }
    }

    /// After which time it ends by itself.
    pub fn time_to_live(self, time: Duration) -> Self {
        Self { time_to_live: Some(time), ..self }
    }

    /// Why.
    pub fn reason(self, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..self }
    }

    /// With texts as they may stand in a log line and in the journal.
    pub(super) fn presentable(self) -> Self {
        Self { reason: presentable(&self.reason), by: presentable(&self.by), ..self }
    }

    /// Who does it.
    pub fn by(self, by: impl Into<String>) -> Self {
        Self { by: by.into(), ..self }
    }
}

/// An override that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OverrideSnapshot {
    /// The mode.
    pub mode: Mode,
    /// After which time it ends by itself; `None` if it does not.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::optional_seconds"))]
    pub remaining: Option<Duration>,
    /// Why.
    pub reason: String,
    /// Who did it.
    pub by: String,
}

impl OverrideSnapshot {
    pub(super) fn of(set: &InForce, now: Instant) -> Self {
        let Override { mode, reason, by, .. } = set.what.clone();
        Self { mode, remaining: set.remaining(now), reason, by }
    }
}
