//! Sends calls again that failed, a few times and within a budget.
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use buttress::{BoxError, RetryLayer, RetryPolicy};
//! use tower::{ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
//! let layer = RetryLayer::new(RetryPolicy::default()).name("prices");
//! let prices = ServiceBuilder::new().layer(layer.clone()).service(service_fn(|article: u64| async move {
//!     match ATTEMPTS.fetch_add(1, Ordering::Relaxed) {
//!         0 => Err(BoxError::from("try again")),
//!         _ => Ok(article * 10),
//!     }
//! }));
//!
//! assert_eq!(prices.oneshot(7).await.unwrap(), 70);
//! let counts = layer.retry().snapshot();
//! assert_eq!((counts.calls, counts.attempts, counts.recovered), (1, 2, 1));
//! # }
//! ```
//!
//! # How it decides
//!
//! The first attempt is always sent. Its result, and that of each further one, is judged by the layer's
//! [classifier](RetryLayer::classify); then, in this order:
//!
//! 1. The result has to allow a repeat ([`Verdict::may_repeat`](crate::Verdict::may_repeat)): a
//!    success does not, an HTTP 500 does not, a 503 does.
//! 2. There has to be an attempt left.
//! 3. The request has to allow it: [`Replay`](crate::Replay) says whether a copy can be sent, and
//!    whether it may be. A request that never reached the service, because no connection could be made,
//!    may always be repeated. Unknown request types do not compile until one line says it
//!    ([`Replay`](crate::Replay), [`repeat`](RetryLayer::repeat), [`repeat_fn`](RetryLayer::repeat_fn)).
//! 4. The wait has to end before the caller's [deadline](crate::deadline). It is the back-off after
//!    its jitter, or what the service asked for (`Retry-After`) if that is longer, up to a cap.
//! 5. The [budget](RetryBudget) has to have a token, which is taken before the wait.
//!
//! If one of them fails, the caller gets the result. What layers below refused is treated by what it
//! means:
//!
//! | refused | |
//! |---|---|
//! | `RateLimited` | waits exactly as long as the rate limit says, if that is within the back-off's cap; takes no token |
//! | `TimedOut` after the full time | as any failure |
//! | `TimedOut` at the caller's deadline, or because this process stalled | not repeated |
//! | `CircuitOpen`, `BulkheadFull`, `QueueFull`, `QueueTimeout`, `NotReady`, `CostAboveBurst` | not repeated; takes no token |
//!
//! Once any attempt was sent, the caller never gets the news that a later one was not: if the last
//! attempt was refused, or found no connection, it gets the last result before that.
//!
//! # The budget
//!
//! Attempts alone do not limit the load: when everything fails, three attempts are three times the
//! traffic, at the worst moment. The budget makes it a share of the traffic: each call earns a tenth of
//! a repeat, each second earns one, and fifteen can be saved up. One budget can be put over
//! [several layers](RetryLayer::budget).
//!
//! # Settings
//!
//! | setting | default | range |
//! |---|---|---|
//! | [`max_attempts`](RetryPolicy::max_attempts) | 3 | at least 1 |
//! | [`backoff`](RetryPolicy::backoff): base | 100 ms | above zero, at most 24 h |
//! | factor | 2 | at least 1, finite |
//! | cap | 2 s | from the base to 24 h |
//! | [`jitter`](RetryPolicy::jitter) | [`Full`](Jitter::Full) | – |
//! | [`retry_after_cap`](RetryPolicy::retry_after_cap) | 30 s | at most 24 h; zero: not heeded |
//! | [`budget`](RetryPolicy::budget): ratio | 0.1 | zero, or from 0.000001 to 5; without a budget: no limit |
//! | per second | 1 | zero, or from 0.001 to the capacity |
//! | capacity | 15 | at least 1 |
//! | [`seed`](RetryPolicy::seed) | none | – |
//! | [`dry_run`](RetryLayer::dry_run) | off | – |
//!
//! # Cancellation, clones, panics
//!
//! Dropping the response future drops the attempt under way, or the wait together with its timer; no
//! task stays behind. A token that was taken for an attempt that is then not made goes back to the
//! budget. During the wait nothing of the last attempt is held but its result.
//!
//! All clones of a layer, and all services made by it, share policy, budget and counters. The inner
//! service has to be `Clone`: the first attempt takes the one that the caller readied, and all further
//! attempts of a call take one clone, which is readied before each. If that fails, the call ends with the
//! error. A call that came without readiness is sent through a clone too.
//!
//! A panic of the inner service or of a strategy reaches the caller; the attempt was counted, if it was
//! sent.
//!
//! # Events
//!
//! One `DEBUG` for each repeat: `name`, `attempt` (the number of the one to come), `cause`, `wait`. Everything
//! else is counted: [`RetrySnapshot`], [`RetryBudgetSnapshot`].
//!
//! [`current_attempt`] tells whatever runs inside which attempt it is part of. The events of a circuit breaker
//! inside carry that number too.
//!
//! # Runtime
//!
//! A timer is made when something is to be repeated. That needs a tokio runtime with time enabled;
//! without one tokio panics.
//!
//! # Where it belongs
//!
//! Outside the circuit breaker, the limits and the time-out of each attempt, so that each attempt counts
//! there and nothing is held between attempts; inside the time-out for the whole call (see the
//! [order of layers](crate#order)). Not at every level of a system: three layers of three attempts each
//! are 27. Not around what is neither idempotent nor has a key that makes it so; and not instead
//! of a queue, for work that has to be done in the end: attempts are over within seconds.

mod attempt;
mod budget;
mod decision;
mod engine;
mod future;
mod layer;
mod policy;
mod repeat;
mod run;
mod service;
mod snapshot;
#[cfg(all(test, feature = "test-util", feature = "rate-limit"))]
mod tests;
#[cfg(feature = "tower")]
mod tower_policy;

pub use attempt::current_attempt;
pub use budget::{BudgetConfig, RetryBudget, RetryBudgetSnapshot};
pub use engine::Retry;
pub use future::RetryFuture;
pub use layer::RetryLayer;
pub use policy::RetryPolicy;
pub use repeat::{ByRequest, Cloned, Repeat, RepeatFn};
pub use service::RetryService;
pub use snapshot::RetrySnapshot;
#[cfg(feature = "tower")]
pub use tower_policy::TowerPolicy;

pub use crate::algo::backoff::{Backoff, Jitter};
