//! What of a layer counts for the worst case and for warnings. Plain data, read from the engines.

use std::time::Duration;

use super::info::{PartInfo, Way, What};
use crate::name::Name;
use crate::registry::{Engine, Registry};
use crate::retry::{Retry, RetryPolicy};

#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The word for the kind of layer.
    pub(super) layer: &'static str,
    pub(super) name: Name,
    pub(super) role: Role,
    /// Whether its settings say that it only counts what it would do.
    pub(super) is_dry: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Role {
    Timeout {
        limit: Duration,
    },
    Retry {
        policy: RetryPolicy,
        /// Calls of others earn repeats too.
        is_budget_shared: bool,
    },
    CircuitBreaker {
        /// While it is open, it is not ready: whoever repeats a call waits for that.
        waits: bool,
    },
    /// A limit of calls at once or per time, and how long a call may wait there.
    Limit {
        wait: Option<Duration>,
    },
    Fallback {
        asks_service: bool,
        /// How often the service was not asked, because the request must not be sent twice.
        withheld: u64,
    },
    Foreign,
}

impl Facts {
    pub(super) fn of(info: &PartInfo) -> Self {
        let engine = match &info.what {
            What::Engine(engine) => engine,
            What::Foreign(name) => {
                return Self { layer: FOREIGN, name: *name, role: Role::Foreign, is_dry: false };
            }
        };
        let identity = engine.panel().given();
        Self {
            layer: identity.layer,
            name: identity.name,
            role: Role::of(engine, info.way),
            is_dry: engine.panel().is_dry(),
        }
    }

    /// The limit of a timeout that ends calls.
    pub(super) fn limit(&self) -> Option<Duration> {
        match self.role {
            Role::Timeout { limit } if !self.is_dry => Some(limit),
            _ => None,
        }
    }

    /// The policy of a retry that may repeat.
    pub(super) fn policy(&self) -> Option<&RetryPolicy> {
        match &self.role {
            Role::Retry { policy, .. } if !self.is_dry && policy.max_attempts > 1 => Some(policy),
            _ => None,
        }
    }

    /// The longest wait for a turn.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self.role {
            Role::Limit { wait } if !self.is_dry => wait,
            _ => None,
        }
    }
}

/// The word for a layer that is not ours.
pub(super) const FOREIGN: &str = "foreign";

impl Role {
    fn of(engine: &Engine, way: Way) -> Self {
        let waits = |time: Duration| (way == Way::Waits).then_some(time);
        match engine {
            Engine::Timeout(timeout) => Self::Timeout { limit: timeout.limit() },
            Engine::Retry(retry) => {
                Self::Retry { policy: retry.policy(), is_budget_shared: shares_its_budget(retry) }
            }
            Engine::CircuitBreaker(_) => Self::CircuitBreaker { waits: way == Way::Waits },
            Engine::KeyedCircuitBreaker(_) => Self::CircuitBreaker { waits: false },
            Engine::Bulkhead(bulkhead) => Self::Limit { wait: bulkhead.queue_wait().and_then(waits) },
            Engine::KeyedBulkhead(bulkhead) => Self::Limit { wait: bulkhead.queue_wait().and_then(waits) },
            Engine::RateLimiter(limiter) => Self::Limit { wait: waits(limiter.max_wait()) },
            Engine::KeyedRateLimiter(_) => Self::Limit { wait: None },
            Engine::Fallback(fallback) => Self::Fallback {
                asks_service: way == Way::AsksService,
                withheld: fallback.snapshot().withheld,
            },
            // A budget is no layer.
            Engine::RetryBudget(_) => Self::Foreign,
        }
    }
}

/// Whether calls of others earn repeats that may be spent here: another retry takes from the same budget, or this one
/// stands in several stacks.
fn shares_its_budget(retry: &Retry) -> bool {
    let is_elsewhere = |engine: Engine| engine.panel().stacks().len() > 1;
    sharers(retry).next().is_some()
        || is_elsewhere(Engine::Retry(retry.clone()))
        || retry.budget().is_some_and(|budget| is_elsewhere(Engine::RetryBudget(budget)))
}

/// The other retries that take from the same budget.
pub(super) fn sharers(retry: &Retry) -> impl Iterator<Item = Retry> {
    let me = Engine::Retry(retry.clone());
    let budget = retry.budget().map(Engine::RetryBudget);
    Registry::global().engines().into_iter().filter_map(move |engine| match &engine {
        Engine::Retry(other) if !engine.is(&me) => {
            let theirs = other.budget().map(Engine::RetryBudget);
            let is_same = budget.as_ref().zip(theirs.as_ref()).is_some_and(|(mine, theirs)| mine.is(theirs));
            is_same.then(|| other.clone())
        }
        _ => None,
    })
}
