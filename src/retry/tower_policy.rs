//! A retry's engine behind tower's own traits.

use std::fmt;
use std::time::Duration;

use tokio::time::Sleep;
use tower::retry::Policy;
use tower::retry::budget::Budget;

use super::budget::RetryBudget;
use super::decision::Standing;
use super::engine::{Retry, Ticket};
use super::layer::RetryLayer;
use super::repeat::{ByRequest, Repeat};
use crate::classify::{ByType, Classify};
use crate::clock;

/// A [`RetryLayer`]'s engine as a policy for [`tower::retry::Retry`]: same decisions, same budget, same counters. Made by
/// [`RetryLayer::tower_policy`].
///
/// For stacks that have tower's `RetryLayer` in place already. What tower's does not show a policy is missing: after
/// a repeat that was refused without being sent the caller gets that refusal, and not the last real answer, and its
/// [`was_sent`](crate::Rejected::was_sent) tells of that repeat alone; a repeat that waits when retries are switched off is
/// sent all the same; layers below do not know the number of their attempt; and what became of a request that cannot be
/// copied is not counted, and earns nothing for the budget.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use buttress::{RetryLayer, RetryPolicy};
/// use tower::{ServiceExt, retry::Retry, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// static CALLS: AtomicU32 = AtomicU32::new(0);
/// let service = service_fn(|request: u32| async move {
///     let fails = CALLS.fetch_add(1, Ordering::Relaxed) == 0;
///     if fails { Err(std::io::Error::other("busy")) } else { Ok(request) }
/// });
///
/// let layer = RetryLayer::new(RetryPolicy::default()).name("search");
/// let service = Retry::new(layer.tower_policy(), service);
/// assert_eq!(service.oneshot(7).await.unwrap(), 7);
/// assert_eq!(layer.retry().snapshot().retries, 1);
/// # }
/// ```
pub struct TowerPolicy<C = ByType, P = ByRequest> {
    engine: Retry,
    budget: RetryBudget,
    classify: C,
    repeat: P,
    call: Call,
}

/// How far one call has come. tower's service clones its policy for each.
#[derive(Debug, Default)]
struct Call {
    repeats: u32,
    backoff: Option<Duration>,
    /// For the repeat to come.
    ticket: Option<Ticket>,
}

impl<C, P> RetryLayer<C, P> {
    /// The engine as a policy for tower's own [`RetryLayer`](tower::retry::RetryLayer).
    #[must_use]
    pub fn tower_policy(&self) -> TowerPolicy<C, P>
    where
        C: Clone,
        P: Clone,
    {
        let engine = self.engine.clone();
        let budget = engine.any_budget();
        let (classify, repeat) = (self.classify.clone(), self.repeat.clone());
        TowerPolicy { engine, budget, classify, repeat, call: Call::default() }
    }
}

impl<C: Clone, P: Clone> Clone for TowerPolicy<C, P> {
    /// For another call.
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            budget: self.budget.clone(),
            classify: self.classify.clone(),
            repeat: self.repeat.clone(),
            call: Call::default(),
        }
    }
}

impl<C, P, Req, Res, E> Policy<Req, Res, E> for TowerPolicy<C, P>
where
    C: Classify<Res, E>,
    P: Repeat<Req>,
{
    type Future = Sleep;

    fn retry(&mut self, request: &mut Req, result: &mut Result<Res, E>) -> Option<Sleep> {
        let verdict = self.classify.classify(result.as_ref());
        let standing = Standing {
            sent: self.call.repeats.saturating_add(1),
            copied: true,
            repeatable: verdict.may_repeat() && self.repeat.repeatable(request),
            backoff: self.call.backoff,
        };
        let pause = self.engine.after(&self.budget, &verdict, standing)?;
        (self.call.ticket, self.call.backoff) = (Some(pause.ticket), pause.backoff);
        Some(clock::sleep_until(pause.until))
    }

    /// tower asks just before it sends an attempt, so this is where attempts are counted. For the last one as well: without
    /// a copy it would not show us the result, which is to be counted too.
    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        match self.call.ticket.take() {
            None => self.engine.first(),
            Some(ticket) => {
                self.engine.again(ticket);
                self.call.repeats = self.call.repeats.saturating_add(1);
            }
        }
        self.repeat.replay(request)
    }
}

impl<C: fmt::Debug, P: fmt::Debug> fmt::Debug for TowerPolicy<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerPolicy")
            .field("engine", &self.engine)
            .field("classify", &self.classify)
            .field("repeat", &self.repeat)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// For policies written by hand: `withdraw` is [`try_withdraw`](RetryBudget::try_withdraw).
impl Budget for RetryBudget {
    fn deposit(&self) {
        self.deposit();
    }

    fn withdraw(&self) -> bool {
        self.try_withdraw()
    }
}
