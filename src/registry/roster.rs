//! Who there is.

use std::collections::{HashMap, HashSet};

use super::engine::Engine;
use super::fingerprint::Fingerprint;
use super::identity::Identity;
use super::journal;
use super::panel::{Membership, Panel};
use super::setting::{Setting, Visit};
use crate::name::Name;
use crate::spread::{Spared, Spread};
use crate::sync::{Arc, Weak};

/// What a change of the mode asks of an engine, or of what is left of it while calls hold it.
pub(crate) trait Switched: Send + Sync {
    fn panel(&self) -> &Panel;
    /// Its mode was changed by hand: who waits may not have to any more.
    fn mode_changed(&self) {}
}

impl<T: Spared + Switched> Switched for Spread<T> {
    fn panel(&self) -> &Panel {
        (**self).panel()
    }

    fn mode_changed(&self) {
        (**self).mode_changed();
    }
}

/// What the registry asks of an engine that somebody has a handle of.
pub(crate) trait Member: Switched {
    /// The engine as its handle.
    fn handle(self: Arc<Self>) -> Engine;
    /// All settings in force, in an order that does not change.
    fn tell_settings(&self, visit: &mut Visit<'_>);
    /// The engine that belongs to it alone, and goes where it goes.
    fn companion(&self) -> Option<Engine> {
        None
    }

    fn set_stack(&self, stack: Name) {
        self.panel().set_stack(stack);
        if let Some(companion) = self.companion() {
            companion.panel().set_stack(stack);
        }
    }

    /// Becomes a part of a stack.
    fn join(&self, membership: Membership) {
        self.panel().join(membership);
        if let Some(companion) = self.companion() {
            companion.panel().join(membership);
        }
    }

    fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        self.tell_settings(&mut |name, value, default| {
            let source = self.panel().source(name, value, default);
            settings.push(Setting { name, value, source });
        });
        settings
    }

    fn fingerprint(&self) -> u64 {
        Fingerprint::of(self.panel().layer(), |visit| self.tell_settings(visit))
    }
}

/// Engines in the order in which they were made. Holds none of them alive.
#[derive(Default)]
pub(super) struct Roster {
    entries: Vec<Entry>,
    /// How many were alive when those that are gone were last let go of.
    alive: usize,
}

struct Entry {
    member: Weak<dyn Member>,
    /// Outlives it as long as there are calls.
    value: Weak<dyn Switched>,
}

/// How many engines are shown. A process has some hundred; one with more makes them per request.
pub(super) const MOST: usize = 4_096;

impl Roster {
    pub(super) fn add(&mut self, member: Weak<dyn Member>, value: Weak<dyn Switched>) {
        // Each doubling pays for one look at all of them.
        if self.entries.len() >= 2 * self.alive.max(32) {
            self.forget();
        }
        self.entries.push(Entry { member, value });
    }

    /// Those that have handles.
    pub(super) fn alive(&mut self) -> Vec<Arc<dyn Member>> {
        let alive = self.entries.iter().filter_map(|entry| entry.member.upgrade()).collect();
        self.forget();
        alive
    }

    /// Those as well of which only calls are left.
    pub(super) fn switched(&mut self) -> Vec<Arc<dyn Switched>> {
        self.forget();
        self.entries.iter().filter_map(|entry| entry.value.upgrade()).collect()
    }

    fn forget(&mut self) {
        self.entries.retain(|entry| entry.value.strong_count() > 0);
        self.alive = self.entries.len();
    }
}

/// The duplicates that were told of, so that a layer made per request does not fill the log.
#[derive(Default)]
pub(super) struct Reported(HashSet<(Name, &'static str, Name)>);

impl Reported {
    /// False as well once there were so many that nobody would read them, in the log either: a quarter of what the
    /// journal keeps, so that they do not push out all else.
    pub(super) fn is_news(&mut self, duplicate: Identity) -> bool {
        const MOST: usize = journal::KEPT / 4;
        let Identity { stack, layer, name, .. } = duplicate;
        self.0.len() < MOST && self.0.insert((stack, layer, name))
    }
}

/// Tells apart those that are the same by stack, layer and name. Returns the first duplicate of each.
///
/// Who is listed keeps its name for as long as it lives, or its counters would seem to jump.
pub(super) fn list(members: &[Arc<dyn Member>]) -> Vec<Identity> {
    let (listed, new): (Vec<_>, Vec<_>) =
        members.iter().map(|member| member.panel()).partition(|panel| panel.is_listed());
    if new.is_empty() {
        return Vec::new();
    }
    let key = |identity: Identity| (identity.stack, identity.layer, identity.name);
    let mut taken: HashSet<_> = listed.into_iter().map(|panel| key(panel.identity())).collect();
    let mut next: HashMap<(Name, &str, Name), u32> = HashMap::new();
    let mut duplicates = Vec::new();
    for panel in new {
        let plain = panel.given();
        let number = next.entry(key(plain)).or_insert(1);
        let name = loop {
            let name = if *number == 1 { plain.name } else { format!("{}#{number}", plain.name).into() };
            *number = number.saturating_add(1);
            if taken.insert((plain.stack, plain.layer, name)) {
                break name;
            }
        };
        panel.list_as(name, plain);
        if *number == 3 {
            duplicates.push(plain);
        }
    }
    duplicates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_duplicates_leave_room_for_what_matters() {
        let mut reported = Reported::default();
        let of = |number: usize| {
            let name = format!("duplicate {}", number / 2).into();
            Identity { stack: name, layer: "bulkhead", name, owner: None, runbook: None }
        };
        let news = (0..1_000).filter(|number| reported.is_news(of(*number))).count();
        assert_eq!(news, journal::KEPT / 4);
    }
}
