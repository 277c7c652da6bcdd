//! Answers in place of a service that does not.
//!
//! ```
//! use buttress::{BoxError, FallbackLayer};
//! use tower::{ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let layer = FallbackLayer::value(100_u64).name("ratings");
//! let ratings = ServiceBuilder::new().layer(layer.clone()).service(service_fn(|id: u64| async move {
//!     if id == 0 { Err(BoxError::from("no such host")) } else { Ok(id) }
//! }));
//!
//! assert_eq!(ratings.clone().oneshot(7).await.unwrap(), 7);
//! assert_eq!(ratings.oneshot(0).await.unwrap(), 100);
//! assert_eq!(layer.fallback().snapshot().degraded, 1);
//! # }
//! ```
//!
//! # How it decides
//!
//! Each result is judged by the layer's [classifier](FallbackLayer::classify). A success is returned as it
//! is; every other verdict (failed, throttled, ignored, which includes what layers below refused) asks the
//! fallback. [`on`](FallbackLayer::on) chooses other verdicts. Three kinds answer:
//!
//! - [`value`](FallbackLayer::value): a clone of it.
//! - [`with`](FallbackLayer::with): what a closure makes of the result and its verdict ([`Fallen`]).
//! - [`service`](FallbackLayer::service): another service, with a copy of the request. It is asked only if
//!   that is safe: the request was never sent, or may be sent twice ([`Replay`](crate::Replay)). Else the
//!   caller gets the result as it is.
//!
//! If the fallback's own answer is a success, it is counted and marked as degraded: an HTTP response carries
//! a `Degraded` in its extensions, other types do what their
//! [`Answer::mark_degraded`](crate::Answer::mark_degraded) says. With a classifier other than the default the
//! mark is that one's to make ([`Classify::mark_degraded`](crate::Classify::mark_degraded)). If it is no
//! success, it is returned as it is and counted as failed: the error type has no room for two errors, and
//! the log line of the first is for the layers below. With one exception: if the request was sent and the
//! other service was not even reached, the caller gets the result of the first, so that it is never told
//! that a request may safely be sent again that was sent already.
//!
//! A call that comes without readiness never reaches the service; the fallback answers it.
//!
//! # Settings
//!
//! | setting | default | range |
//! |---|---|---|
//! | what answers | – | a value, a closure, a service |
//! | [`on`](FallbackLayer::on) | verdicts that are not successes | – |
//! | [`classify`](FallbackLayer::classify) | [`ByType`](crate::ByType) | – |
//!
//! # Cancellation, clones, panics
//!
//! Dropping the response future drops what is under way and asks no fallback. All clones of a layer, and all
//! services made by it, share counters and fallback. A panic, also one of the closure, reaches the caller. An
//! error of the inner service's `poll_ready` is no answer and is passed on.
//!
//! # Where it belongs
//!
//! Outermost (see the [order of layers](crate#order)), so that it answers whatever the layers below give up
//! on. Not where a wrong answer is worse than none, and not as a second way to do the same expensive thing:
//! a fallback that is seldom used is seldom tested, and gets all the load at once. Prefer what cannot fail.
//! There is no limit on how long another service takes: put the total time-out around it, or one of its own
//! into it.

mod engine;
mod fallen;
mod future;
mod layer;
mod mode;
mod service;
mod to_service;

pub use engine::{Fallback, FallbackSnapshot};
pub use fallen::Fallen;
pub use future::FallbackFuture;
pub use layer::FallbackLayer;
pub use mode::{Substitute, ToService, Value, With};
pub use service::FallbackService;
pub use to_service::{FallbackToService, FallbackToServiceFuture};
