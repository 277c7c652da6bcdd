//! What every engine has besides its own: who it is, and how it is switched.

use std::time::Duration;

use super::audit;
use super::changes::{Changes, Values};
use super::identity::Identity;
use super::lever::Lever;
use super::overrides::{Override, OverrideSnapshot};
use super::registry::Registry;
use super::saturation::Demand;
use super::setting::{SettingSource, SettingValue, Visit};
use super::switch::{Ended, InForce};
use crate::clock;
use crate::mode::Mode;
use crate::name::{Name, NameId, NameWord};
use crate::sync::{AtomicU64, Mutex, PoisonError, RwLock, lock};
use crate::units::Instant;

/// The part of an engine that the registry deals with.
#[derive(Debug)]
pub(crate) struct Panel {
    lever: Lever,
    /// The name on the plate, for refusals.
    name_word: NameWord,
    plate: RwLock<Plate>,
    demand: Mutex<Demand>,
    changes: Mutex<Changes>,
    /// Stacks that have it as a part as well, besides the one that it belongs to.
    guests: Mutex<Vec<Name>>,
}

/// What is written on it. Setters may change it after handles were taken, and all of them see it. Read on
/// cold paths only.
#[derive(Clone, Copy, Debug)]
struct Plate {
    layer: &'static str,
    name: Name,
    named_by: NamedBy,
    /// What it was called by hand before another name was given to a clone of it.
    former: Option<Name>,
    stack: Option<Name>,
    owner: Option<Name>,
    runbook: Option<Name>,
    /// The name that tells it apart from others with the same.
    listed_as: Option<Name>,
    /// It was found to be a duplicate at one look only. The other one may be gone already, and be kept alive by
    /// somebody else who looks.
    is_new_duplicate: bool,
}

/// Who gave an engine its name. Each counts for more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedBy {
    /// Nobody: it is the place in the source.
    Place,
    Stack,
    Hand,
}

/// The stack that adopts an engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Membership {
    pub(crate) stack: Name,
    pub(crate) name: Name,
    pub(crate) owner: Option<Name>,
    pub(crate) runbook: Option<Name>,
}

impl Plate {
    fn new(layer: &'static str, name: Name, named_by: NamedBy) -> Self {
        let (former, stack, owner, runbook, listed_as) = (None, None, None, None, None);
        Self { layer, name, named_by, former, stack, owner, runbook, listed_as, is_new_duplicate: false }
    }
}

impl Panel {
    pub(crate) fn new(layer: &'static str, name: Name) -> Self {
        Self::with(Plate::new(layer, name, NamedBy::Place), Mode::Enforce)
    }

    fn with(plate: Plate, own: Mode) -> Self {
        Self {
            lever: Lever::new(own),
            name_word: NameWord::new(plate.name),
            plate: RwLock::new(plate),
            demand: Mutex::default(),
            changes: Mutex::default(),
            guests: Mutex::default(),
        }
    }

    /// For another engine with the same settings: for another dependency, so in no stack yet.
    pub(crate) fn fork(&self, name: Name) -> Self {
        Self::with(Plate::new(self.layer(), name, NamedBy::Hand), self.lever.own())
    }

    fn plate(&self) -> Plate {
        *self.plate.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_plate(&self, change: impl FnOnce(&mut Plate)) {
        let mut plate = self.plate.write().unwrap_or_else(PoisonError::into_inner);
        let before = (plate.stack, plate.name);
        change(&mut plate);
        if (plate.stack, plate.name) != before {
            plate.listed_as = None;
        }
        self.name_word.set(plate.name);
    }

    pub(crate) fn name(&self) -> Name {
        self.plate().name
    }

    /// The same for whoever refuses a call: it takes no lock.
    pub(crate) fn name_id(&self) -> NameId {
        self.name_word.get()
    }

    pub(super) fn layer(&self) -> &'static str {
        self.plate().layer
    }

    /// `holders` is how many handles and layers there are: if it is the only one, nobody knows it by its
    /// former name.
    pub(crate) fn set_name(&self, name: Name, holders: usize) {
        self.change_plate(|plate| {
            if plate.named_by == NamedBy::Hand && plate.name != name && holders > 1 {
                plate.former = Some(plate.name);
            }
            (plate.name, plate.named_by) = (name, NamedBy::Hand);
        });
    }

    pub(crate) fn set_stack(&self, stack: Name) {
        self.change_plate(|plate| plate.stack = Some(stack));
    }

    /// Becomes a part of a stack: takes its owner and runbook, and the name unless somebody gave it one by
    /// hand. Nothing changes if it belongs to another stack.
    pub(crate) fn join(&self, membership: Membership) {
        let Membership { stack, name, owner, runbook } = membership;
        self.change_plate(|plate| {
            if *plate.stack.get_or_insert(stack) != stack {
                let mut guests = lock(&self.guests);
                if !guests.contains(&stack) {
                    guests.push(stack);
                }
                return;
            }
            if plate.named_by != NamedBy::Hand {
                (plate.name, plate.named_by) = (name, NamedBy::Stack);
            }
            plate.owner = owner.or(plate.owner);
            plate.runbook = runbook.or(plate.runbook);
        });
    }

    pub(crate) fn identity(&self) -> Identity {
        self.listed().0
    }

    /// As it is listed, and whether that is because another one was the same.
    pub(super) fn listed(&self) -> (Identity, bool) {
        let Plate { layer, name, stack, owner, runbook, listed_as, .. } = self.plate();
        let listed = listed_as.unwrap_or(name);
        (Identity { stack: stack.unwrap_or(name), layer, name: listed, owner, runbook }, listed != name)
    }

    /// All stacks that have it as a part, the one first that it belongs to; none if it belongs to none.
    pub(crate) fn stacks(&self) -> Vec<Name> {
        let mut stacks: Vec<_> = self.plate().stack.into_iter().collect();
        let guests = lock(&self.guests);
        stacks.extend(guests.iter().filter(|guest| !stacks.contains(guest)).copied().collect::<Vec<_>>());
        stacks
    }

    /// What it was called by hand before another name was given to a clone of it.
    pub(crate) fn former_name(&self) -> Option<Name> {
        self.plate().former
    }

    /// Who it is by the name that it was given, whether or not others have the same.
    pub(crate) fn given(&self) -> Identity {
        let Plate { layer, name, stack, owner, runbook, .. } = self.plate();
        Identity { stack: stack.unwrap_or(name), layer, name, owner, runbook }
    }

    /// Whether the registry has told it apart from others for good since it got its name.
    pub(super) fn is_listed(&self) -> bool {
        let plate = self.plate();
        plate.listed_as.is_some() && !plate.is_new_duplicate
    }

    /// Unless it has got another name since it was looked at.
    pub(super) fn list_as(&self, name: Name, seen: Identity) {
        let mut plate = self.plate.write().unwrap_or_else(PoisonError::into_inner);
        if plate.name == seen.name && plate.stack.unwrap_or(plate.name) == seen.stack {
            // Seen twice, it stays what it is for as long as it lives, or its counters would seem to jump.
            plate.is_new_duplicate = name != plate.name && plate.listed_as != Some(name);
            plate.listed_as = Some(name);
        }
    }

    /// The mode in force.
    #[inline]
    pub(crate) fn mode(&self) -> Mode {
        self.lever.mode().unwrap_or_else(|| self.mode_at(clock::now()))
    }

    #[inline]
    pub(crate) fn enforces(&self) -> bool {
        self.mode() == Mode::Enforce
    }

    /// The mode in force, and when it may change by itself: whoever waits because of it looks again then.
    pub(crate) fn mode_until(&self) -> (Mode, Instant) {
        self.lever.mode_until(|| self.mode())
    }

    /// Whether what was decided is not to be done. A dry run counts it.
    pub(crate) fn lets_pass(&self, would: &AtomicU64) -> bool {
        self.mode().lets_pass(would)
    }

    #[cold]
    fn mode_at(&self, now: Instant) -> Mode {
        let (mode, ended) = self.lever.mode_at(now);
        let Some(Ended { own, process }) = ended else { return mode };
        if let Some(own) = own {
            audit::ended(Some(self.identity()), &own);
        }
        if process {
            Registry::global().expire();
        }
        mode
    }

    pub(crate) fn set_dry_run(&self, dry_run: bool) {
        self.lever.set_own(if dry_run { Mode::DryRun } else { Mode::Enforce });
    }

    /// Whether the code or a handle asked for a dry run, whatever the mode in force.
    pub(crate) fn is_dry(&self) -> bool {
        self.lever.own() == Mode::DryRun
    }

    pub(crate) fn tell_dry_run(&self, visit: &mut Visit<'_>) {
        visit("dry_run", self.is_dry().into(), Some(false.into()));
    }

    /// Settings were changed from these to those.
    pub(super) fn note_changes(&self, before: &Values, after: &Values, by: SettingSource) {
        lock(&self.changes).note(before, after, by);
    }

    /// Who set this.
    pub(super) fn source(
        &self,
        name: &str,
        value: SettingValue,
        default: Option<SettingValue>,
    ) -> SettingSource {
        lock(&self.changes).source(name, value, default)
    }

    pub(super) fn set_process_mode(&self, process: Option<InForce>) {
        self.lever.set_process(process);
    }

    pub(super) fn set_override(&self, what: Option<Override>, now: Instant) -> Option<Override> {
        // What is over by itself was not taken back by anybody.
        self.mode();
        let before = self.lever.set_override(what.map(|what| InForce::since(now, what)));
        before.map(|before| before.what)
    }

    /// The mode in force and the override, as of one moment.
    pub(super) fn in_force(&self, now: Instant) -> (Mode, Option<OverrideSnapshot>) {
        // What is over is told of first.
        self.mode();
        let (mode, overridden) = self.lever.in_force();
        (mode, overridden.map(|set| OverrideSnapshot::of(&set, now)))
    }

    /// What was asked for of late, see [`Demand`].
    pub(super) fn demand(&self, now: Instant, calls: u64, admitted: u64) -> Option<(Duration, u64, u64)> {
        lock(&self.demand).look(now, calls, admitted)
    }
}
