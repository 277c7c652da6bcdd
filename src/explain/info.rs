use crate::name::Name;
use crate::registry::Engine;

/// What a [`Part`](super::Part) tells of one layer.
#[derive(Clone, Debug)]
#[must_use = "it is for the closure that asked"]
pub struct PartInfo {
    pub(super) what: What,
    pub(super) way: Way,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Engine(Engine),
    Foreign(Name),
}

/// What a layer makes of an engine that leaves it the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Answers by itself, at once.
    AtOnce,
    /// Lets calls wait.
    Waits,
    /// Asks another service.
    AsksService,
}

impl PartInfo {
    /// A layer with this engine, which refuses at once what it does not let through.
    pub fn engine(engine: Engine) -> Self {
        Self { what: What::Engine(engine), way: Way::AtOnce }
    }

    /// A layer that this crate knows nothing of.
    pub fn foreign(name: impl Into<Name>) -> Self {
        Self { what: What::Foreign(name.into()), way: Way::AtOnce }
    }

    /// Calls wait: as long as the bulkhead's or the rate limiter's settings allow, or until the breaker closes.
    pub fn waits(self) -> Self {
        Self { way: Way::Waits, ..self }
    }

    /// The fallback asks another service, which takes its time.
    pub fn asks_service(self) -> Self {
        Self { way: Way::AsksService, ..self }
    }
}
