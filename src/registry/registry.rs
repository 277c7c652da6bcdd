use std::fmt;

use super::audit;
use super::engine::Engine;
use super::identity::Identity;
use super::journal::{Event, EventLevel, Journal};
use super::overrides::{Override, OverrideSnapshot};
use super::roster::{MOST, Member, Reported, Roster, Switched, list};
use super::snapshot::{EngineSnapshot, RegistrySnapshot};
use super::switch::{InForce, over};
use crate::clock;
use crate::mode::Mode;
use crate::sync::{Arc, Mutex, OnceLock, Weak, lock};
use crate::units::Instant;

/// All engines of the process, see the [module](crate::registry).
pub struct Registry {
    state: Mutex<State>,
    /// Held while engines are told apart, so that two who look do not give out the same name.
    reported: Mutex<Reported>,
    journal: Journal,
}

#[derive(Default)]
struct State {
    roster: Roster,
    process: Option<InForce>,
}

impl Registry {
    /// The one of the process.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        GLOBAL.get_or_init(|| Self {
            state: Mutex::default(),
            reported: Mutex::default(),
            journal: Journal::default(),
        })
    }

    /// Every engine does this when it is made.
    ///
    /// `value` is what calls hold, of an engine whose handles hold something else; otherwise it is the same.
    pub(crate) fn join<M: Member + 'static, V: Switched + 'static>(&self, member: &Arc<M>, value: &Arc<V>) {
        // Where reading it for the first time takes long, that is no part of a call.
        clock::now();
        let (weak, value): (Weak<M>, Weak<V>) = (Arc::downgrade(member), Arc::downgrade(value));
        let mut state = lock(&self.state);
        // Under the lock that a change of the mode takes: whoever joins has either mode, and not neither.
        if let Some(process) = &state.process {
            member.panel().set_process_mode(Some(process.clone()));
        }
        state.roster.add(weak, value);
    }

    /// The engines that are alive, in the order in which they were made; at most 4,096 of them.
    pub fn engines(&self) -> Vec<Engine> {
        self.listed().0.into_iter().map(Member::handle).collect()
    }

    /// The engine of this identity. Looking makes none.
    pub fn find(&self, stack: &str, layer: &str, name: &str) -> Option<Engine> {
        let (members, _) = self.listed();
        let found = members.into_iter().find(|member| {
            let is = member.panel().identity();
            is.stack == *stack && is.layer == layer && is.name == *name
        });
        found.map(Member::handle)
    }

    /// All engines and what happened of late. Blocks no call: each engine is looked at by itself.
    pub fn snapshot(&self) -> RegistrySnapshot {
        let now = clock::now();
        let overridden = self.process_override(now);
        let (members, unlisted) = self.listed();
        let engines: Vec<_> =
            members.into_iter().map(|member| EngineSnapshot::of(&member.handle())).collect();
        let duplicates = engines.iter().filter(|engine| engine.is_duplicate).count();
        RegistrySnapshot {
            mode: overridden.as_ref().map_or(Mode::Enforce, |set| set.mode),
            overridden,
            duplicates: duplicates as u64,
            unlisted: unlisted as u64,
            engines,
            events: self.journal.events(),
        }
    }

    /// Those that are shown, told apart, and how many there are beyond.
    fn listed(&self) -> (Vec<Arc<dyn Member>>, usize) {
        let mut members = lock(&self.state).roster.alive();
        let unlisted = members.len().saturating_sub(MOST);
        // What is dropped here may be the last of an engine, so without the lock.
        members.truncate(MOST);
        let mut reported = lock(&self.reported);
        let duplicates: Vec<_> =
            list(&members).into_iter().filter(|duplicate| reported.is_news(*duplicate)).collect();
        drop(reported);
        for duplicate in duplicates {
            self.report(duplicate);
        }
        (members, unlisted)
    }

    fn report(&self, duplicate: Identity) {
        let (Identity { stack, layer, name, .. }, [owner, runbook]) = (duplicate, duplicate.contact());
        let message = format!("more than one {layer} called {name} in stack {stack}: state is not shared");
        tracing::warn!(%stack, layer, %name, owner, runbook, "{message}");
        self.note(Some(duplicate), EventLevel::Warn, "duplicate", message);
    }

    /// The process-wide mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.process_override(clock::now()).map_or(Mode::Enforce, |set| set.mode)
    }

    /// Lets go of a mode whose time to live has passed, and tells of it.
    pub(super) fn expire(&self) {
        drop(self.process_override(clock::now()));
    }

    fn process_override(&self, now: Instant) -> Option<OverrideSnapshot> {
        let mut state = lock(&self.state);
        let ended = over(&mut state.process, now);
        let snapshot = state.process.as_ref().map(|set| OverrideSnapshot::of(set, now));
        drop(state);
        if let Some(ended) = ended {
            audit::ended(None, &ended);
        }
        snapshot
    }

    /// Switches all engines of the process at once, those that are made later too. An engine whose own dry
    /// run is laxer keeps to that; one with an [override](Engine::set_override) keeps to its override.
    ///
    /// It is told in the log, with reason and person. [`Mode::Enforce`] takes back what was set, as
    /// [`clear_mode`](Self::clear_mode) does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use buttress::{Bulkhead, Mode};
    /// use buttress::registry::{Override, Registry};
    ///
    /// let bulkhead = Bulkhead::new(1);
    /// let _taken = bulkhead.try_admit().unwrap();
    /// let off = Override::new(Mode::Off).time_to_live(Duration::from_secs(600)).reason("INC-42").by("ada");
    /// Registry::global().set_mode(off);
    /// assert!(bulkhead.try_admit().is_ok());
    /// Registry::global().clear_mode("ada");
    /// assert!(bulkhead.try_admit().is_err());
    /// ```
    pub fn set_mode(&self, what: Override) {
        if what.mode == Mode::Enforce {
            self.switch(None);
            // Nothing of it ends after a time.
            return audit::set(None, &Override { time_to_live: None, ..what });
        }
        // First what matters, then the telling of it: whoever writes the log may be what is stuck.
        self.switch(Some(InForce::since(clock::now(), what.clone())));
        audit::set(None, &what);
    }

    /// Takes the process-wide mode back.
    pub fn clear_mode(&self, by: &str) {
        self.take_mode_back("", by);
    }

    /// The same with a reason. Whether one was set.
    pub(crate) fn take_mode_back(&self, reason: &str, by: &str) -> bool {
        let Some(before) = self.switch(None) else { return false };
        audit::taken_back(None, before.what.mode, reason, by);
        true
    }

    fn switch(&self, to: Option<InForce>) -> Option<InForce> {
        // What is over by itself was not taken back by anybody.
        self.expire();
        let mut state = lock(&self.state);
        let before = std::mem::replace(&mut state.process, to.clone());
        let engines = state.roster.switched();
        for engine in &engines {
            engine.panel().set_process_mode(to.clone());
        }
        drop(state);
        for engine in engines {
            engine.mode_changed();
        }
        before
    }

    pub(crate) fn note(
        &self,
        engine: Option<Identity>,
        level: EventLevel,
        kind: &'static str,
        message: String,
    ) {
        self.journal.note(engine, level, kind, message);
    }

    /// What happened of late, oldest first; the last 256 events.
    pub fn events(&self) -> Vec<Event> {
        self.journal.events()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("mode", &self.mode()).finish_non_exhaustive()
    }
}
