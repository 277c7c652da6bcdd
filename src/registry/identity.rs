use crate::name::Name;

/// Who an engine is: the labels of its metrics and the fields of its log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Identity {
    /// The stack that it belongs to, as a rule one per dependency; its own name if it belongs to none.
    pub stack: Name,
    /// What kind of engine it is: `"circuit_breaker"`, `"retry_budget"` and so on.
    pub layer: &'static str,
    /// Its name. While several engines would be the same by all three, from the second on they are told apart
    /// as `payments#2`.
    pub name: Name,
    /// Who looks after it.
    pub owner: Option<Name>,
    /// Where it says what to do when it acts up.
    pub runbook: Option<Name>,
}

impl Identity {
    /// Owner and runbook as fields of a log line.
    pub(super) fn contact(&self) -> [Option<&'static str>; 2] {
        [self.owner, self.runbook].map(|text| text.map(Name::as_str))
    }
}
