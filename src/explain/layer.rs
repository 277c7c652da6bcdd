use super::facts::{FOREIGN, sharers};
use super::info::{PartInfo, Way, What};
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::{Engine, Fingerprint, Setting};

/// One layer of a stack, as it is now.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ExplainedLayer {
    /// What kind of layer: `"circuit_breaker"`, `"timeout"` and so on; `"foreign"` if it is of another crate.
    pub layer: &'static str,
    /// Its name.
    pub name: Name,
    /// What it does, if there are several ways: `"rejects"` or `"waits"`, `"answers"` or `"asks"`.
    pub does: Option<&'static str>,
    /// The mode in force.
    pub mode: Mode,
    /// What it is set to. Empty if it is of another crate.
    pub settings: Vec<Setting>,
    /// Stands for its settings. Zero if it is of another crate.
    pub fingerprint: u64,
    /// Who else uses the same engine: other stacks; of a retry budget, other retries as `stack/name`.
    pub shared_with: Vec<String>,
    /// The engines that it uses besides its own: a retry its budget.
    pub uses: Vec<Self>,
}

impl ExplainedLayer {
    /// A part of this stack.
    pub(super) fn of(info: &PartInfo, stack: Name) -> Self {
        match &info.what {
            What::Engine(engine) => Self { does: does(engine, info.way), ..Self::of_engine(engine, stack) },
            What::Foreign(name) => Self {
                layer: FOREIGN,
                name: *name,
                does: None,
                mode: Mode::Enforce,
                settings: Vec::new(),
                fingerprint: 0,
                shared_with: Vec::new(),
                uses: Vec::new(),
            },
        }
    }

    fn of_engine(engine: &Engine, stack: Name) -> Self {
        let identity = engine.panel().given();
        let others = engine.panel().stacks().into_iter().filter(|other| *other != stack);
        let mut layer = Self {
            layer: identity.layer,
            name: identity.name,
            does: None,
            mode: engine.mode(),
            settings: engine.settings(),
            fingerprint: engine.fingerprint(),
            shared_with: others.map(|other| other.to_string()).collect(),
            uses: Vec::new(),
        };
        if let Engine::Retry(retry) = engine {
            layer.uses.extend(retry.budget().map(|budget| {
                let mut budget = Self::of_engine(&Engine::RetryBudget(budget), stack);
                let others = sharers(retry).map(|other| Engine::Retry(other).panel().given());
                budget.shared_with.extend(others.map(|other| format!("{}/{}", other.stack, other.name)));
                budget
            }));
        }
        layer
    }

    /// Its own settings and those of what it uses.
    pub(super) fn fingerprints(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.fingerprint).chain(self.uses.iter().map(|used| used.fingerprint))
    }
}

fn does(engine: &Engine, way: Way) -> Option<&'static str> {
    match engine {
        Engine::Bulkhead(_)
        | Engine::KeyedBulkhead(_)
        | Engine::RateLimiter(_)
        | Engine::KeyedRateLimiter(_) => Some(if way == Way::Waits { "waits" } else { "rejects" }),
        Engine::CircuitBreaker(_) => (way == Way::Waits).then_some("waits"),
        Engine::Fallback(_) => Some(if way == Way::AsksService { "asks" } else { "answers" }),
        _ => None,
    }
}

/// Stands for all settings of these layers, and their order.
pub(super) fn fingerprint(layers: &[ExplainedLayer]) -> u64 {
    Fingerprint::of_all(layers.iter().flat_map(ExplainedLayer::fingerprints))
}
