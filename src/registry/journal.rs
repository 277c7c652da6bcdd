use std::collections::VecDeque;
use std::time::SystemTime;

use super::identity::Identity;
use crate::clock;
use crate::sync::{Mutex, lock};

/// Something worth a line that happened to an engine, or to all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Event {
    /// When.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::unix_seconds"))]
    pub at: SystemTime,
    /// The engine; `None` if it is about the whole process.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub engine: Option<Identity>,
    /// How much it matters.
    pub level: EventLevel,
    /// What kind of thing: `"circuit"`, `"override"`, `"duplicate"`.
    pub kind: &'static str,
    /// What happened, for people.
    pub message: String,
}

/// How much an event matters; the level at which it was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EventLevel {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warn,
}

impl EventLevel {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
        }
    }
}

/// The latest events, oldest first.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<VecDeque<Event>>);

/// How many are kept.
pub(super) const KEPT: usize = 256;

impl Journal {
    pub(super) fn note(
        &self,
        engine: Option<Identity>,
        level: EventLevel,
        kind: &'static str,
        message: String,
    ) {
        let event = Event { at: clock::wall(), engine, level, kind, message };
        let mut events = lock(&self.0);
        let dropped = if events.len() < KEPT { None } else { events.pop_front() };
        events.push_back(event);
        drop(events);
        drop(dropped);
    }

    pub(super) fn events(&self) -> Vec<Event> {
        lock(&self.0).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_events_are_kept() {
        let journal = Journal::default();
        for number in 0..1_000 {
            journal.note(None, EventLevel::Info, "test", number.to_string());
        }
        let events = journal.events();
        assert_eq!((events.len(), events[0].message.as_str()), (KEPT, "744"));
        assert_eq!(events[KEPT - 1].message, "999");
    }
}
