//! tower's own layers. It has no circuit breaker, and nothing for keys.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use ::tower::limit::{ConcurrencyLimitLayer, RateLimitLayer};
use ::tower::load_shed::LoadShedLayer;
use ::tower::retry::budget::{Budget, TpsBudget};
use ::tower::retry::{Policy, RetryLayer};
use ::tower::timeout::TimeoutLayer;
use ::tower::{Layer, ServiceBuilder};

use super::kit::{above, full, layered, refusing};
use super::{CONCURRENT, LONG, Maker, RATE, Subject};
use crate::measure::{answered, runtime};
use crate::work::{AtOnce, Hangs, PendingOnce};

fn rate() -> RateLimitLayer {
    RateLimitLayer::new(u64::from(RATE), Duration::from_secs(1))
}

pub fn concurrency() -> Subject {
    layered(Maker::Tower, "ConcurrencyLimit", ConcurrencyLimitLayer::new(CONCURRENT).layer(AtOnce))
        .note("waits when full; takes its permit in poll_ready")
}

/// tower's way to reject at once.
pub fn concurrency_shed() -> Subject {
    let service = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(CONCURRENT))
        .service(AtOnce);
    layered(Maker::Tower, "LoadShed + ConcurrencyLimit", service).note("rejects on any Pending")
}

pub fn rate_limit() -> Subject {
    // Its timer is made with the service.
    let service = runtime().block_on(async { rate().layer(AtOnce) });
    layered(Maker::Tower, "RateLimit", service).note("waits when used up; not Clone, so never shared")
}

pub fn retry() -> Subject {
    layered(Maker::Tower, "Retry, no budget", RetryLayer::new(Attempts(2)).layer(AtOnce)).part("no budget")
}

pub fn retry_budget() -> Subject {
    let policy = Budgeted { budget: Arc::new(TpsBudget::default()) };
    layered(Maker::Tower, "Retry + TpsBudget", RetryLayer::new(policy).layer(AtOnce))
        .note("policy written by hand, as documented")
}

pub fn timeout() -> Subject {
    layered(Maker::Tower, "Timeout", TimeoutLayer::new(LONG).layer(AtOnce))
}

pub fn timeout_pending() -> Subject {
    let service = TimeoutLayer::new(LONG).layer(PendingOnce);
    let future = above::<_, _, u64>(&service, &PendingOnce);
    Subject::new(Maker::Tower, "Timeout", answered(service)).future(future)
}

pub fn three() -> Subject {
    let service = ServiceBuilder::new()
        .layer(RetryLayer::new(Budgeted { budget: Arc::new(TpsBudget::default()) }))
        .layer(ConcurrencyLimitLayer::new(CONCURRENT))
        .layer(TimeoutLayer::new(LONG))
        .service(AtOnce);
    layered(Maker::Tower, "3 of the 5", service)
        .part("has no breaker, and Retry asks for Clone, which RateLimit is not")
}

pub fn concurrency_full() -> Subject {
    let limit = ConcurrencyLimitLayer::new(1).layer(Hangs);
    full(Maker::Tower, "LoadShed + ConcurrencyLimit", limit.clone(), LoadShedLayer::new().layer(limit))
}

pub fn rate_limit_empty() -> Subject {
    let limit = runtime().block_on(async { RateLimitLayer::new(1, LONG).layer(AtOnce) });
    refusing(Maker::Tower, "LoadShed + RateLimit", LoadShedLayer::new().layer(limit), 1)
}

/// The policy of tower's documentation: so many attempts, at once.
#[derive(Clone)]
struct Attempts(usize);

impl<Res, E> Policy<u64, Res, E> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<Res, E>) -> Option<Ready<()>> {
        if result.is_ok() || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}

/// The policy of its documentation of budgets.
#[derive(Clone)]
struct Budgeted {
    budget: Arc<TpsBudget>,
}

impl<Res, E> Policy<u64, Res, E> for Budgeted {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<Res, E>) -> Option<Ready<()>> {
        if result.is_ok() {
            self.budget.deposit();
            return None;
        }
        self.budget.withdraw().then(|| ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}
