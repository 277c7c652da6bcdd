use crate::explain::{Explanation, Part, adopt, explain_parts, is_logged};
use crate::name::Name;
use crate::registry::Membership;
use crate::sync::{Arc, AtomicBool, Ordering::Relaxed};

/// What a stack gives to all its parts, and whether it is in use.
#[derive(Clone, Debug)]
pub(super) struct Plate {
    pub(super) name: Name,
    pub(super) owner: Option<Name>,
    pub(super) runbook: Option<Name>,
    /// Shared by the clones of the stack. It publishes nothing, and of those who swap it at the same time
    /// one is the first, hence relaxed.
    is_used: Arc<AtomicBool>,
}

/// A part, and what is added to the name of the stack to name it.
pub(super) type Named<'a> = (&'a dyn Part, &'static str);

impl Plate {
    pub(super) fn new(name: Name) -> Self {
        Self { name, owner: None, runbook: None, is_used: Arc::default() }
    }

    /// Makes these parts of the stack. With them it is not what was in use before.
    pub(super) fn change(&mut self, parts: &[Named<'_>]) {
        self.adopt(parts);
        self.is_used = Arc::default();
    }

    fn adopt(&self, parts: &[Named<'_>]) {
        for (part, suffix) in parts {
            let name = if suffix.is_empty() { self.name } else { format!("{}{suffix}", self.name).into() };
            let Self { name: stack, owner, runbook, .. } = *self;
            adopt(*part, Membership { stack, name, owner, runbook });
        }
    }

    pub(super) fn explain(&self, parts: &[Named<'_>]) -> Explanation {
        let parts = parts.iter().map(|(part, _)| *part);
        explain_parts(self.name, self.owner, self.runbook, parts)
    }

    /// The stack is applied to a service. At the first time it is told to the log.
    pub(super) fn apply<'a>(&self, parts: impl FnOnce() -> Vec<Named<'a>>) {
        if self.is_used.load(Relaxed) || self.is_used.swap(true, Relaxed) {
            return;
        }
        let parts = parts();
        // The fields are public: a part may have come in without a setter.
        self.adopt(&parts);
        if is_logged() {
            self.explain(&parts).log();
        }
    }
}
