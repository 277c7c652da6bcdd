//! Limits how many calls pass per time, in all or per key.
//!
//! ```
//! use buttress::{BoxError, Quota, RateLimitLayer, RejectedKind, find_rejected};
//! use tower::{Service, ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
//! let mut mails = ServiceBuilder::new()
//!     .layer(RateLimitLayer::new(Quota::per_hour(100).burst(1)).name("mails"))
//!     .service(service_fn(|mail: u64| async move { Ok::<_, BoxError>(mail) }));
//!
//! assert_eq!(mails.ready().await?.call(1).await?, 1);
//! let error = mails.ready().await?.call(2).await.unwrap_err();
//! let rejected = find_rejected(&*error).unwrap();
//! assert_eq!(rejected.kind(), RejectedKind::RateLimited);
//! assert!(rejected.retry_after().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # How it decides
//!
//! A call takes one cell, or as many as it [costs](RateLimitLayer::cost); cells come back one by one, evenly.
//! At most the [burst](Quota::burst) is free at once, so at most rate + burst calls pass in any second. It is
//! decided in `call`, in one atomic step that all clones share; what was admitted has used its cells,
//! whatever becomes of it. The decision is [governor](https://docs.rs/governor)'s, by the generic cell rate
//! algorithm; the state of one limit is a single number.
//!
//! - By default a call that finds too few cells is rejected at once. The rejection carries the exact wait,
//!   [`retry_after`](crate::Rejected::retry_after).
//! - With [`wait`](RateLimitLayer::wait) it waits for its turn, in the order of arrival. If its turn, counting
//!   everyone ahead, would come after the longest wait or after the ambient [deadline](crate::deadline), it is
//!   rejected at once, with the exact wait. It is admitted as of the instant its turn came, so that late
//!   timers do not lower the rate; but not as of more than 50 ms ago (or one interval, if that is longer), so
//!   that a process that stalled does not send everything that piled up. A future that misses its turn
//!   because nobody polls it does not hold up those behind it.
//! - A call that costs nothing passes whenever the wrapped service is ready, and one that costs more than the burst never does
//!   ([`CostAboveBurst`](crate::RejectedKind::CostAboveBurst)).
//! - A new [quota](RateLimiter::set_quota) at run time leaves the cells in use in use, and calls that wait are
//!   scheduled anew.
//!
//! # Per key
//!
//! [`RateLimitLayer::per_key`] gives each client, tenant or address a limit of its own. The table of keys is
//! bounded, and holds only a keyed hash of each. A key is forgotten only when all its cells are free, which
//! is the same as having never called. When all places are taken by keys with cells in use, new keys share
//! one limit of the same quota, or are rejected ([`Overflow`]); so a flood of made-up keys neither fills the
//! memory nor resets anybody's limit. No task runs behind it.
//!
//! # Settings
//!
//! | setting | default | range |
//! |---|---|---|
//! | quota | – | see [`Quota`] |
//! | [`wait`](RateLimitLayer::wait) | off: reject at once | above zero; for [`acquire`](RateLimiter::acquire) 60 s |
//! | [`cost`](RateLimitLayer::cost) | 1 | any; checked against the burst at each call |
//! | [`dry_run`](RateLimitLayer::dry_run) | off | – |
//! | [`max_keys`](KeyedRateLimitLayer::max_keys) | 65,536 | at least 1 |
//! | [`overflow`](KeyedRateLimitLayer::overflow) | [`Share`](Overflow::Share) | – |
//!
//! # Cancellation, clones, panics
//!
//! A call that is dropped while it waits has taken nothing, and those behind it move up; one that is dropped
//! later has used its cells. All clones of a layer, and all services made by it, share one limit, whatever
//! host applies the layer per route or per connection; [`fork`](RateLimitLayer::fork) makes another. A panic
//! of the inner service or of a closure reaches the caller; closures run before anything is taken.
//!
//! # Runtime
//!
//! Only a call that waits makes a timer. That needs a tokio runtime with time enabled; without one tokio
//! panics.
//!
//! # Events
//!
//! None: rejections are counted, see [`RateLimiter::snapshot`], which also tells how long those waited that had to
//! ([`queue_wait`](RateLimitSnapshot::queue_wait)). [`RateLimiter::peek`] tells what is left.
//!
//! # Where it belongs
//!
//! On clients innermost but for the attempt's timeout, so that a cell is spent only on what is really sent
//! (see the [order of layers](crate#order)); on servers outermost. To protect a service from too many calls
//! *at once*, limit concurrency instead: slow calls fill a server at any rate. The limit is this process's
//! own: ten processes let ten times as many calls pass.

mod cost;
mod counts;
mod engine;
mod future;
mod keyed;
mod layer;
mod quota;
mod service;
mod snapshot;
#[cfg(test)]
mod tests;
mod waiting;

pub use cost::{Cost, CostFn, OneCell};
pub use engine::RateLimiter;
pub use future::RateLimitFuture;
pub use keyed::{KeyedRateLimitLayer, KeyedRateLimitService, KeyedRateLimiter};
pub use layer::{RateLimitLayer, RejectNow, Waiting};
pub use quota::Quota;
pub use service::RateLimitService;
pub use snapshot::{KeyedRateLimitSnapshot, RateLimitPeek, RateLimitSnapshot};
pub use waiting::{WaitingRateLimitFuture, WaitingRateLimitService};

pub use crate::algo::keyed::Overflow;
#[cfg(feature = "http")]
pub use crate::integrations::http::{RateLimitHeadersFuture, RateLimitHeadersLayer, RateLimitHeadersService};
pub use crate::key::{IntoKey, KeyFn, KeyOf};
