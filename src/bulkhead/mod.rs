//! Limits how many calls are in flight at once, so that one slow dependency cannot take up everything.
//!
//! ```
//! use buttress::{BoxError, BulkheadLayer, RejectedKind, find_rejected};
//! use tower::{Service, ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let layer = BulkheadLayer::new(1).name("reports");
//! let bulkhead = layer.bulkhead();
//! let mut reports = ServiceBuilder::new()
//!     .layer(layer)
//!     .service(service_fn(|id: u64| async move { Ok::<_, BoxError>(id) }));
//!
//! // The first call is in flight from `call` on.
//! let first = reports.ready().await.unwrap().call(1);
//! let error = reports.ready().await.unwrap().call(2).await.unwrap_err();
//! assert_eq!(find_rejected(&*error).unwrap().kind(), RejectedKind::BulkheadFull);
//!
//! assert_eq!(first.await.unwrap(), 1);
//! assert_eq!(reports.ready().await.unwrap().call(3).await.unwrap(), 3);
//! assert_eq!(bulkhead.snapshot().full, 1);
//! # }
//! ```
//!
//! # How it decides
//!
//! A call takes a permit in `call` and gives it back at the moment its answer is there: for HTTP, the head
//! of the response. A body that still streams is not counted, unless the layer is told to wait
//! `until_body_end()`.
//!
//! With [`new`](BulkheadLayer::new) a call that finds no permit is rejected at once. With
//! [`queue`](BulkheadLayer::queue) it waits inside its future, in order of arrival, and nobody passes who
//! waits: not even a call that comes when a permit was just given back. One that finds the queue full is
//! rejected at once; one that was not called after `max_wait`, or when the caller's
//! [deadline](crate::deadline) comes, is rejected then. If the deadline has passed already, it does not
//! begin to wait. When called, it waits until a clone of the inner service is ready (that time is the inner
//! service's and has no limit here) and sends the request.
//!
//! ```text
//!            room, and nobody waits
//!  call ───────────────────────────────────▶ in flight ──▶ completed
//!    │                                        ▲      └────▶ cancelled
//!    ├─ queue has a place ─▶ waiting ─ called ┘
//!    │                          ├─ max_wait or deadline ─▶ rejected (queue timeout)
//!    │                          └─ dropped by the caller ─▶ abandoned
//!    └─ none ─▶ rejected (full, queue full)
//! ```
//!
//! # How large
//!
//! Calls come in bunches, so a small limit refuses some of them while the dependency is healthy and idle
//! most of the time. If calls arrive at random, the share that a reject-now bulkhead of *n* permits refuses
//! at a mean of *a* calls in flight is Erlang's B(*n*, *a*):
//!
//! | limit | mean in flight | refused in calm |
//! |---|---|---|
//! | 10 | 6 | 4.3 % |
//! | 10 | 3 | 0.08 % |
//! | 20 | 12 | 0.98 % |
//! | 64 | 38 | 0.0032 % |
//!
//! Below some twenty permits give it a short queue, or a limit of at least three times the mean.
//!
//! # Settings
//!
//! | setting | default | range |
//! |---|---|---|
//! | limit | – | 1 to [`Bulkhead::MAX`] calls |
//! | [`queue`](BulkheadLayer::queue): length | no queue | 1 to [`Bulkhead::MAX`] calls |
//! | [`queue`](BulkheadLayer::queue): longest wait | – | above zero; what cannot be represented (584 years) means until the deadline |
//! | [`dry_run`](BulkheadLayer::dry_run) | off | – |
//!
//! All of them can be [changed at run time](Bulkhead::set_limit). A limit lowered below what is in flight
//! interrupts nothing: no call is admitted until enough have ended.
//!
//! # Cancellation, clones, panics
//!
//! Dropping the response future gives the permit back and counts as cancelled, also before its first poll.
//! One that is dropped while it waits leaves the queue; if it had just been called, the permit goes to the
//! next. A panic of the inner service reaches the caller; the permit is given back, the call counts as
//! cancelled and as panicked. All clones of a layer, and all services made by it, share one limit;
//! [`fork`](BulkheadLayer::fork) makes another. A queue needs an inner service that is `Clone`.
//!
//! # Events
//!
//! None: calls are counted, see [`Bulkhead::snapshot`], which also tells how long those waited that had to
//! ([`queue_wait`](BulkheadSnapshot::queue_wait)).
//!
//! # Per key
//!
//! [`BulkheadLayer::per_key`] gives each shard, authority or tenant a limit of its own, and a queue if it has one, behind one
//! engine: one slow shard does not take all the room there is. The table of keys is bounded. If it is full, a key goes that has
//! nothing in flight and nobody waiting; when there is none, new keys share one limit, or are rejected
//! ([`Overflow`]). A call without a key is not limited. [`KeyedBulkhead::worst`] lists the keys that have least room.
//! Settings, modes and the kill switch reach all keys. Metrics and the registry show one engine, with the number of
//! keys that are full: keys are never labels.
//!
//! # Runtime
//!
//! Nothing needs a runtime until a call waits with a time limit. That needs a tokio runtime with time
//! enabled; without one tokio panics.
//!
//! # Where it belongs
//!
//! Inside retry and circuit breaker, outside the rate limit and the time-out of each attempt (see the
//! [order of layers](crate#order)): nothing is held during back-off, and hung calls end. Without a time-out
//! inside, hung calls fill it for good. Not for a limit per time: that is a rate limit.
//!
//! To a circuit breaker around it, a call in the queue is in flight: one that its caller drops there after
//! the breaker's `cancelled_after` counts as failed. Keep the longest wait below that, or the caller's patience
//! in a timeout of ours, whose deadline ends the wait first.

mod admission;
mod counts;
mod engine;
mod future;
mod keyed;
mod layer;
mod permit;
mod queued;
mod service;
mod snapshot;

pub use engine::Bulkhead;
pub use future::BulkheadFuture;
#[cfg(feature = "http")]
pub(crate) use future::Sent;
pub use keyed::{
    KeyedBulkhead, KeyedBulkheadLayer, KeyedBulkheadService, KeyedBulkheadSnapshot, KeyedCompartment,
    KeyedCompartmentSnapshot, KeyedQueuedBulkheadService,
};
pub use layer::{BulkheadLayer, Queued, RejectNow};
pub use permit::BulkheadPermit;
pub use queued::{QueuedBulkheadFuture, QueuedBulkheadService};
pub use service::BulkheadService;
pub use snapshot::BulkheadSnapshot;

pub use crate::algo::keyed::Overflow;
