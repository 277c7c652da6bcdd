//! Engines under reqwest-middleware.

use std::time::Duration;

use buttress::{
    Answer, Bulkhead, CircuitBreaker, CircuitBreakerConfig, ClassifyFn, Fault, Quota, RateLimiter, Replay,
    Retry, RetryPolicy, Timeout, Verdict,
};
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

/// The recommended order for calls to one dependency: retry, circuit breaker, bulkhead, rate limit, attempt timeout.
///
/// Clones share their state.
#[derive(Clone, Debug)]
pub struct Resilience {
    /// Repeats what may be repeated, within its budget.
    pub retry: Retry,
    /// Cuts the dependency off while it fails.
    pub circuit_breaker: CircuitBreaker,
    /// Bounds the attempts in flight.
    pub bulkhead: Bulkhead,
    /// The dependency's quota.
    pub rate_limit: RateLimiter,
    /// The limit of each attempt.
    pub timeout: Timeout,
}

impl Resilience {
    /// Engines of this name, to be changed before they are used, or while they are.
    pub fn new(name: &'static str) -> Self {
        Self {
            retry: Retry::new(RetryPolicy::default()).named(name),
            circuit_breaker: CircuitBreaker::new(CircuitBreakerConfig::default()).named(name),
            bulkhead: Bulkhead::new(64).named(name),
            rate_limit: RateLimiter::new(Quota::per_second(500)).named(name),
            timeout: Timeout::new(Duration::from_secs(1)).named(name),
        }
    }

    async fn attempt(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let permit = self.circuit_breaker.try_admit().map_err(Error::middleware)?;
        let result = self.within_limits(request, extensions, next).await;
        permit.settle(meaning(result.as_ref()));
        result
    }

    async fn within_limits(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let place = self.bulkhead.try_admit().map_err(Error::middleware)?;
        self.rate_limit.try_admit().map_err(Error::middleware)?;
        let result = self.timeout.run(next.run(request, extensions)).await;
        place.complete();
        result.map_err(Error::middleware)?
    }
}

#[async_trait::async_trait]
impl Middleware for Resilience {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        // None of a body that is a stream.
        let copy = request.replay();
        let is_repeatable = request.repeatable();
        let classify = ClassifyFn(|result: std::result::Result<&Response, &Error>| {
            let verdict = meaning(result);
            let allowed = copy.is_some() && (is_repeatable || !verdict.was_sent());
            verdict.repeatable(allowed && verdict.may_repeat())
        });
        let mut first = Some(request);
        let attempt = || {
            let again = || copy.as_ref().and_then(Replay::replay);
            let request = first.take().or_else(again).expect("repeated only if there is a copy");
            let (next, mut extensions) = (next.clone(), extensions.clone());
            async move { self.attempt(request, &mut extensions, next).await }
        };
        self.retry.run_by(&classify, attempt).await
    }
}

/// Statuses and reqwest's errors say what they mean; a rejection is found in the error of any middleware.
fn meaning(result: std::result::Result<&Response, &Error>) -> Verdict {
    match result {
        Ok(response) => response.verdict(),
        Err(Error::Reqwest(error)) => error.verdict(),
        Err(Error::Middleware(error)) => (**error).verdict(),
    }
}
