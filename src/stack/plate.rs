use crate::explain::{Explanation, Part, adopt, explain_parts};
use crate::name::Name;
use crate::registry::Membership;
use crate::sync::{Arc, AtomicBool, Ordering::Relaxed};

/// What a stack gives to all its parts, and whether it was told of.
#[derive(Clone, Debug)]
pub(super) struct Plate {
    pub(super) name: Name,
    pub(super) owner: Option<Name>,
    pub(super) runbook: Option<Name>,
    /// Shared by the clones of the stack. It publishes nothing, and two who read it at the same time may both
    /// tell, hence relaxed.
    was_told: Arc<AtomicBool>,
}

/// A part, and what is added to the name of the stack to name it.
pub(super) type Named<'a> = (&'a dyn Part, &'static str);

impl Plate {
    pub(super) fn new(name: Name) -> Self {
        Self { name, owner: None, runbook: None, was_told: Arc::default() }
    }

    /// Makes these parts of the stack. What was told of it is no longer all.
    pub(super) fn adopt(&mut self, parts: &[Named<'_>]) {
        for (part, suffix) in parts {
            let name = if suffix.is_empty() { self.name } else { format!("{}{suffix}", self.name).into() };
            let Self { name: stack, owner, runbook, .. } = *self;
            adopt(*part, Membership { stack, name, owner, runbook });
        }
        self.was_told = Arc::default();
    }

    pub(super) fn explain(&self, parts: &[Named<'_>]) -> Explanation {
        let parts = parts.iter().map(|(part, _)| *part);
        explain_parts(self.name, self.owner, self.runbook, parts)
    }

    /// Tells of the stack when it is first used.
    pub(super) fn tell_once(&self, explain: impl FnOnce() -> Explanation) {
        if !self.was_told.load(Relaxed) && !self.was_told.swap(true, Relaxed) {
            explain().log();
        }
    }
}
