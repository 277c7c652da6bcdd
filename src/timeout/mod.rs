//! Stops waiting for an answer after a time.
//!
//! ```
//! use std::time::Duration;
//! use buttress::{BoxError, RejectedKind, TimeoutLayer, find_rejected};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let search = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(Duration::from_millis(20)).name("search"))
//!     .service(service_fn(|_: u64| std::future::pending::<Result<u64, BoxError>>()));
//!
//! let error = search.oneshot(7).await.unwrap_err();
//! assert_eq!(find_rejected(&*error).unwrap().kind(), RejectedKind::TimedOut);
//! # }
//! ```
//!
//! # How it decides
//!
//! The time runs from the first poll of the response future to the answer: for HTTP, the head of the
//! response, not its body. It begins when that poll found the answer pending, so that a call that is
//! answered at once needs no clock; what the first poll itself takes up is not counted. The inner future is polled first, so an answer that comes at the very limit
//! wins. At the limit the inner future is dropped, and then the caller is told.
//!
//! While it calls and polls the inner service, the limit is in force as the ambient
//! [deadline](crate::deadline); an earlier deadline of the caller ends the call earlier, and the
//! rejection says that it was [cut short](crate::Rejected::was_cut_short). A timer that fires more than
//! 50 ms and more than a tenth of the limit late means that this process
//! [stalled](crate::Rejected::was_stalled). Neither tells anything about the service, and a circuit
//! breaker ignores both.
//!
//! # Settings
//!
//! | setting | default | range |
//! |---|---|---|
//! | limit | – | above zero; what cannot be represented (584 years) never ends a call |
//! | [`dry_run`](TimeoutLayer::dry_run) | off | – |
//!
//! # Cancellation, clones, panics
//!
//! Dropping the response future drops the inner future; no task and no timer stay behind. All clones of
//! a layer, and all services made by it, share limit and counters. A panic of the inner service reaches
//! the caller.
//!
//! # Events
//!
//! None: calls are counted, see [`Timeout::snapshot`], which also tells how long they took
//! ([`call_duration`](TimeoutSnapshot::call_duration)). Only calls that were pending are timed; one that is answered at
//! once never looks at the clock.
//!
//! # Runtime
//!
//! A timer is made when an answer is first pending. That needs a tokio runtime with time enabled;
//! without one tokio panics.
//!
//! # Where it belongs
//!
//! Twice: around everything, for the time the caller is ready to wait, and innermost, for each attempt
//! (see the [order of layers](crate#order)). Around calls that must not be given up half-way, not at all:
//! what was sent may still take effect.

mod engine;
mod future;
mod layer;
mod service;
mod watch;

pub use engine::{Timeout, TimeoutSnapshot};
pub use future::TimeoutFuture;
pub use layer::TimeoutLayer;
pub use service::TimeoutService;
