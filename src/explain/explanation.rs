use super::facts::Facts;
use super::info::{PartInfo, What};
use super::layer::{ExplainedLayer, fingerprint};
use super::part::Part;
use super::warning::Warning;
use super::worst_case::WorstCase;
use super::{check, sharing};
use crate::name::Name;
use crate::registry::Membership;

/// What a stack is, at one moment: see the [module](crate::explain).
///
/// Its `Display` is for people, in several lines; with the feature `serde` it can be written as JSON.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "an explanation is for reading"]
pub struct Explanation {
    stack: Name,
    owner: Option<Name>,
    runbook: Option<Name>,
    fingerprint: u64,
    layers: Vec<ExplainedLayer>,
    worst_case: WorstCase,
    warnings: Vec<Warning>,
}

const TARGET: &str = "buttress::explain";

/// Whether anybody reads what [`Explanation::log`] writes.
pub(crate) fn is_logged() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

/// Explains layers that stand in this order, outermost first. For stacks that are made by hand;
/// [`client_stack`](crate::client_stack) and [`server_stack`](crate::server_stack) have a method of that
/// name.
///
/// ```
/// use std::time::Duration;
/// use buttress::{CircuitBreakerConfig, CircuitBreakerLayer, RetryLayer, RetryPolicy, TimeoutLayer};
/// use buttress::explain::{Warning, explain};
///
/// let retry = RetryLayer::new(RetryPolicy::default()).name("payments");
/// let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("payments");
/// let attempt = TimeoutLayer::new(Duration::from_secs(1)).name("payments");
///
/// let explained = explain("payments", &[&retry, &breaker, &attempt]);
/// assert!(matches!(explained.warnings(), [Warning::NoTotalTimeout { .. }]));
/// ```
pub fn explain(stack: impl Into<Name>, parts: &[&dyn Part]) -> Explanation {
    explain_parts(stack.into(), None, None, parts.iter().copied())
}

/// Makes a part belong to a stack.
pub(crate) fn adopt(part: &dyn Part, membership: Membership) {
    part.describe(&mut |info| {
        if let What::Engine(engine) = info.what {
            engine.member().join(membership);
        }
    });
}

pub(crate) fn explain_parts<'a>(
    stack: Name,
    owner: Option<Name>,
    runbook: Option<Name>,
    parts: impl Iterator<Item = &'a dyn Part>,
) -> Explanation {
    let mut described: Vec<PartInfo> = Vec::new();
    for part in parts {
        part.describe(&mut |info| described.push(info));
    }
    let facts: Vec<_> = described.iter().map(Facts::of).collect();
    let layers: Vec<_> = described.iter().map(|info| ExplainedLayer::of(info, stack)).collect();
    let mut warnings = check::check(&facts);
    warnings.extend(sharing::check(stack, &described));
    Explanation {
        stack,
        owner,
        runbook,
        fingerprint: fingerprint(&layers),
        layers,
        worst_case: WorstCase::of(&facts),
        warnings,
    }
}

impl Explanation {
    /// The name of the stack.
    #[must_use]
    pub fn stack(&self) -> Name {
        self.stack
    }

    /// Who looks after the dependency.
    #[must_use]
    pub fn owner(&self) -> Option<Name> {
        self.owner
    }

    /// Where it says what to do.
    #[must_use]
    pub fn runbook(&self) -> Option<Name> {
        self.runbook
    }

    /// Stands for all settings of all layers of this crate, and their order (not for whether a layer waits or
    /// rejects): equal stacks have equal fingerprints, in every process.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The layers, outermost first.
    #[must_use]
    pub fn layers(&self) -> &[ExplainedLayer] {
        &self.layers
    }

    /// The worst that can become of one call.
    #[must_use]
    pub fn worst_case(&self) -> WorstCase {
        self.worst_case
    }

    /// What looks like a mistake.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Tells the log, in one line at `INFO`: `stack`, `owner`, `runbook`, `fingerprint`, `layers` with
    /// their settings, `worst_case`, `warnings`.
    ///
    /// The ready-made stacks do it when they are first applied to a service; for one made by hand it is up
    /// to you.
    pub fn log(&self) {
        let warnings: Vec<_> = self.warnings.iter().map(Warning::to_string).collect();
        tracing::info!(
            target: TARGET,
            stack = %self.stack,
            owner = self.owner.map(Name::as_str),
            runbook = self.runbook.map(Name::as_str),
            fingerprint = self.fingerprint,
            layers = self.layers_on_one_line(),
            worst_case = %self.worst_case,
            warnings = warnings.join("; "),
            "stack {} is in use", self.stack
        );
    }
}
