//! What the page is told, as JSON.

use std::collections::HashMap;
use std::time::SystemTime;

use ::serde::Serialize;

use super::history::{History, Key, Minute, Recent, Seen, Series, Track};
use super::notes::{Note, Notes};
use super::tally::{Tally, forget_times, times};
use crate::algo::histogram::Histogram;
use crate::clock;
use crate::mode::Mode;
use crate::registry::{
    Engine, EngineSnapshot, Event, Identity, OverrideSnapshot, Registry, RegistrySnapshot, Setting,
};
use crate::units::Instant;

/// All engines at one moment.
pub(super) struct Look {
    now: Instant,
    process: RegistrySnapshot,
    /// For what is not in their snapshots. Without it an update is told: what changes from second to second.
    handles: Option<HashMap<Key, Engine>>,
}

/// What a look is compared with.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// How many looks there were.
    tick: u64,
    history: History,
    pub(super) notes: Notes,
}

/// What is told. The snapshot of the registry, with more about each engine.
#[derive(Debug, Serialize)]
pub(super) struct View {
    /// When, in seconds since 1970.
    now: f64,
    /// Counts the seconds of the history: who has seen all but this one needs no more than this one.
    tick: u64,
    /// Whether anything can be changed from here.
    overrides: bool,
    mode: Mode,
    overridden: Option<OverrideSnapshot>,
    duplicates: u64,
    unlisted: u64,
    /// Of how many engines only the last seconds are kept.
    without_history: u64,
    /// Requests for a change with another token, or none.
    unauthorized: u64,
    engines: Vec<EngineView>,
    events: Vec<Event>,
}

#[derive(Debug, Serialize)]
struct EngineView {
    #[serde(flatten)]
    snapshot: EngineSnapshot,
    recent: Recent,
    /// `None` if no minute is kept.
    minute: Option<Minute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Latency>,
    /// Who holds a breaker by hand from here, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(flatten)]
    rest: Option<Rest>,
}

/// What seldom changes, or is long.
#[derive(Debug, Serialize)]
struct Rest {
    settings: Vec<SettingView>,
    history: Series,
}

#[derive(Debug, Serialize)]
struct SettingView {
    #[serde(flatten)]
    setting: Setting,
    /// The value as people write it.
    text: String,
}

impl From<Setting> for SettingView {
    fn from(setting: Setting) -> Self {
        Self { text: setting.value.to_string(), setting }
    }
}

/// How long calls took in the last minute, or waited where they wait, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Latency {
    count: u64,
    p50: f64,
    p95: f64,
    p99: f64,
}

impl Latency {
    fn of(times: &Histogram) -> Option<Self> {
        let quantile = |q| times.quantile(q).map(|time| time.as_secs_f64());
        Some(Self { count: times.count(), p50: quantile(0.5)?, p95: quantile(0.95)?, p99: quantile(0.99)? })
    }
}

impl Look {
    /// At everything.
    pub(super) fn closely() -> Self {
        let engines = Registry::global().engines().into_iter();
        let handles = engines.map(|engine| (key(engine.identity()), engine)).collect();
        Self { handles: Some(handles), ..Self::briefly() }
    }

    /// At what changes from second to second.
    pub(super) fn briefly() -> Self {
        Self { now: clock::now(), process: Registry::global().snapshot(), handles: None }
    }
}

pub(super) fn key(identity: Identity) -> Key {
    (identity.stack, identity.layer, identity.name)
}

impl Memory {
    /// A second has passed.
    pub(super) fn step(&mut self, look: &Look) {
        self.tick = self.tick.saturating_add(1);
        let seen = look.process.engines.iter().map(|engine| Seen {
            key: key(engine.identity),
            tally: Tally::of(&engine.detail),
            times: times(&engine.detail),
        });
        self.history.look(look.now, seen);
        self.notes.look(&look.process.engines);
    }

    pub(super) fn view(&self, look: Look, overrides: bool, unauthorized: u64) -> View {
        let Look { process, handles, .. } = look;
        let view = |mut snapshot: EngineSnapshot| {
            let track = self.history.of(&key(snapshot.identity));
            let latency = latency(track, &snapshot);
            let rest = match &handles {
                Some(handles) => handles.get(&key(snapshot.identity)).map(|engine| Rest::of(engine, track)),
                None => {
                    forget_times(&mut snapshot.detail);
                    None
                }
            };
            EngineView {
                recent: track.map(Track::recent).unwrap_or_default(),
                minute: track.and_then(Track::minute),
                latency,
                note: self.notes.of(&snapshot),
                snapshot,
                rest,
            }
        };
        View {
            now: clock::wall().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |at| at.as_secs_f64()),
            tick: self.tick,
            overrides,
            mode: process.mode,
            overridden: process.overridden,
            duplicates: process.duplicates,
            unlisted: process.unlisted,
            without_history: self.history.short() as u64,
            unauthorized,
            engines: process.engines.into_iter().map(view).collect(),
            events: process.events,
        }
    }
}

fn latency(track: Option<&Track>, engine: &EngineSnapshot) -> Option<Latency> {
    let times = times(&engine.detail)?;
    Latency::of(&track?.last_minute(times)?)
}

impl Rest {
    fn of(engine: &Engine, track: Option<&Track>) -> Self {
        Self {
            settings: engine.settings().into_iter().map(SettingView::from).collect(),
            history: track.map(Track::series).unwrap_or_default(),
        }
    }
}
