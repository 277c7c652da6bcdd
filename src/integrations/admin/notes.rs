//! Why a breaker is held by hand, as it was told here.

use std::collections::HashMap;

use ::serde::Serialize;

use super::history::Key;
use super::view::key;
use crate::circuit_breaker::CircuitControl;
use crate::registry::{EngineDetail, EngineSnapshot};

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    pub(super) reason: String,
    pub(super) by: String,
    /// What was told of: somebody else may have done something else since.
    #[serde(skip)]
    pub(super) control: CircuitControl,
}

/// Bounded by the engines there are: one for each breaker that is held.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(HashMap<Key, Note>);

impl Notes {
    pub(super) fn put(&mut self, key: Key, note: Note) {
        self.0.insert(key, note);
    }

    /// What was told of this engine, if it still holds.
    pub(super) fn of(&self, engine: &EngineSnapshot) -> Option<Note> {
        self.0.get(&key(engine.identity)).filter(|note| note.holds(engine)).cloned()
    }

    /// Lets go of what is over.
    pub(super) fn look(&mut self, engines: &[EngineSnapshot]) {
        if !self.0.is_empty() {
            self.0.retain(|held, note| {
                engines.iter().any(|engine| key(engine.identity) == *held && note.holds(engine))
            });
        }
    }
}

impl Note {
    fn holds(&self, engine: &EngineSnapshot) -> bool {
        matches!(&engine.detail, EngineDetail::CircuitBreaker(now) if now.control == self.control)
    }
}
