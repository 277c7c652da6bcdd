use super::info::{PartInfo, What};
use super::part::Part;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Fingerprint, Membership, Setting};

/// What a stack is.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "an explanation is for reading"]
#[non_exhaustive]
pub struct Explanation {
    stack: Name,
    owner: Option<Name>,
    runbook: Option<Name>,
    fingerprint: u64,
    layers: Vec<ExplainedLayer>,
}

/// One layer of a stack.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ExplainedLayer {
    /// What kind of layer.
    pub layer: &'static str,
    /// Its name.
    pub name: Name,
    /// The mode in force.
    pub mode: Mode,
    /// Stands for its settings.
    pub fingerprint: u64,
    /// What it is set to.
    pub settings: Vec<Setting>,
}

/// Explains layers that stand in this order, outermost first.
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
    let mut layers = Vec::new();
    for part in parts {
        part.describe(&mut |info| layers.push(ExplainedLayer::of(&info)));
    }
    let fingerprint = Fingerprint::of_all(layers.iter().map(|layer| layer.fingerprint));
    Explanation { stack, owner, runbook, fingerprint, layers }
}

impl Explanation {
    /// The layers, outermost first.
    pub fn layers(&self) -> &[ExplainedLayer] {
        &self.layers
    }

    /// Tells the log.
    pub fn log(&self) {
        let layers: Vec<_> = self.layers.iter().map(ExplainedLayer::on_one_line).collect();
        tracing::info!(
            stack = %self.stack,
            owner = self.owner.map(Name::as_str),
            runbook = self.runbook.map(Name::as_str),
            fingerprint = self.fingerprint,
            layers = layers.join("; "),
            "stack {} is used", self.stack
        );
    }
}

impl ExplainedLayer {
    fn of(info: &PartInfo) -> Self {
        match &info.what {
            What::Engine(engine) => {
                let identity = engine.identity();
                Self {
                    layer: identity.layer,
                    name: identity.name,
                    mode: engine.mode(),
                    fingerprint: engine.fingerprint(),
                    settings: engine.settings(),
                }
            }
            What::Foreign(name) => Self {
                layer: "foreign",
                name: *name,
                mode: Mode::Enforce,
                fingerprint: 0,
                settings: Vec::new(),
            },
        }
    }

    fn on_one_line(&self) -> String {
        let settings: Vec<_> = self.settings.iter().map(Setting::to_string).collect();
        format!("{} {}: {}", self.layer, self.name, settings.join(", "))
    }
}
