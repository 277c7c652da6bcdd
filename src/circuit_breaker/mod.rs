//! Stops calling a service that fails, and tries again after a while.
//!
//! ```
//! use buttress::{BoxError, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, RejectedKind, find_rejected};
//! use tower::{Service, ServiceBuilder, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("payments");
//! let breaker = layer.breaker();
//! let mut payments = ServiceBuilder::new()
//!     .layer(layer)
//!     .service(service_fn(|_: u64| async { Err::<u64, BoxError>("connection refused".into()) }));
//!
//! for order in 0..100 {
//!     payments.ready().await.unwrap().call(order).await.unwrap_err();
//! }
//! assert_eq!(breaker.state(), CircuitState::Open);
//! let error = payments.ready().await.unwrap().call(100).await.unwrap_err();
//! assert_eq!(find_rejected(&*error).unwrap().kind(), RejectedKind::CircuitOpen);
//! # }
//! ```
//!
//! # How it decides
//!
//! ```text
//!           ┌──────────────── closed ◀───────────────┐
//!           │  too many failures, an outage,         │ enough trial
//!           │  too many slow calls                   │ calls succeeded
//!           ▼                                        │
//!         open ── open time over, and a call ─▶ half-open
//!           ▲                                        │
//!           └───── too many trial calls failed ──────┘
//! ```
//!
//! **Closed** lets calls through and records what comes back. It opens
//!
//! * when at least `min_calls` are in the window and the share of failures reaches `failure_rate`;
//! * in an outage: at least so many failures in a row, over at least so much time, without one success. Where there is
//!   much traffic this is faster than the rate, where there is little it does not have to wait for `min_calls`;
//! * when the share of calls slower than `slow_call_duration` reaches `slow_call_rate`; off by default.
//!
//! The window slides: after a million healthy calls it opens as fast as after a hundred. Each rule is looked at when
//! a call is recorded that makes matters worse for it; a success never opens a breaker.
//!
//! **Open** rejects, without asking the inner service for anything. There is no timer behind it: the first call after
//! the open time makes it half-open.
//!
//! **Half-open** lets `trial_calls` through, unresolved and resolved together. When `trial_successes` of them have
//! succeeded it closes, with an empty window; when that many can no longer be reached it opens again, for longer. A
//! trial call that is throttled, ignored or cancelled early gives its slot back. If all slots are taken and the oldest
//! unresolved trial call was let through `trial_timeout` ago, the next call starts all of them afresh: half-open never
//! sticks. With the slow-call rule on, a slow trial call counts as failed.
//!
//! Each change starts a new epoch. The result of a call from an earlier one is *late*: it is counted, and decides nothing.
//!
//! # What counts
//!
//! Response and error types say what they mean ([`Answer`](crate::Answer), [`Fault`](crate::Fault)), or a strategy does
//! ([`classify`](CircuitBreakerLayer::classify), [`classify_fn`](CircuitBreakerLayer::classify_fn)). Failures and
//! successes are recorded. Throttled calls (status 429) are not: a quota is not an outage. Nor is what says nothing
//! about the service, such as a rejection by a layer below or a time-out that the caller's own deadline cut short. A call
//! that its caller drops after `cancelled_after` is a failure, cause `"cancelled"`: that is how a call that hangs ends.
//!
//! # Settings
//!
//! | setting | default | range |
//! |---|---|---|
//! | [`window`](CircuitBreakerConfig#structfield.window) | the last 10 s in 10 buckets | above zero, 1 to 1,000 buckets; or the last 1 to 1,000,000 calls |
//! | [`min_calls`](CircuitBreakerConfig#structfield.min_calls) | 100 | 1 to what the window holds |
//! | [`failure_rate`](CircuitBreakerConfig#structfield.failure_rate) | 0.5 | above 0, at most 1 |
//! | [`outage`](CircuitBreakerConfig#structfield.outage) | 5 failures over 1 s | at least 1 failure; or off |
//! | [`slow_call_duration`](CircuitBreakerConfig#structfield.slow_call_duration) | off | above zero |
//! | [`slow_call_rate`](CircuitBreakerConfig#structfield.slow_call_rate) | off | above 0, at most 1 |
//! | [`trial_calls`](CircuitBreakerConfig#structfield.trial_calls) | 5 | 1 to 1,000 |
//! | [`trial_successes`](CircuitBreakerConfig#structfield.trial_successes) | 3 | 1 to `trial_calls` |
//! | [`trial_timeout`](CircuitBreakerConfig#structfield.trial_timeout) | 10 s | above zero, at least `slow_call_duration` |
//! | [`open_time`](CircuitBreakerConfig#structfield.open_time) | 2 s | above zero, at most `open_time_cap` |
//! | [`open_time_factor`](CircuitBreakerConfig#structfield.open_time_factor) | 1.5 | at least 1 |
//! | [`open_time_cap`](CircuitBreakerConfig#structfield.open_time_cap) | 10 s | at least `open_time` |
//! | [`open_time_jitter`](CircuitBreakerConfig#structfield.open_time_jitter) | 0.25 | at least 0, below 1 |
//! | [`cancelled_after`](CircuitBreakerConfig#structfield.cancelled_after) | 500 ms | above zero; or off |
//! | [`seed`](CircuitBreakerConfig#structfield.seed) | random | – |
//!
//! All of them can be [changed at run time](CircuitBreaker::set_config). A breaker can be held open
//! ([`isolate`](CircuitBreaker::isolate)) or kept out of the way ([`bypass`](CircuitBreaker::bypass)) by hand, for good or
//! for a time, and [`reset`](CircuitBreaker::reset). A [dry run](CircuitBreakerLayer::dry_run) decides and counts, and
//! lets everything pass.
//!
//! A time window costs one look at the clock per call, the last so many calls none; neither costs more if it is larger. A
//! success stays with its thread until there are a thousand or so of them, a bucket of the window ends, or somebody has
//! to know: a call that failed, a [snapshot](CircuitBreaker::snapshot). So threads whose calls succeed write nothing that
//! they share, and yet the window has every success that came before a failure.
//!
//! # Per key
//!
//! [`CircuitBreakerLayer::per_key`] gives each shard, authority or tenant a circuit of its own behind one engine: one dead
//! shard of sixteen is cut off alone. The table of keys is bounded. If it is full, a key goes that is as good as new: nothing
//! of it is in flight, its circuit is closed, no failure is in its window (with a window of the last calls: of the last
//! minute), and it had none within a minute if it failed each time since it last succeeded. So is a key that
//! nobody calls: its circuit is open and its open time has been over for a minute, or it is half-open and had no
//! trial call for a minute. What is isolated or bypassed by hand stays until that ends. When no key can go, new keys
//! share one circuit, or are rejected ([`Overflow`]). A call without a key is not guarded.
//!
//! [`KeyedCircuitBreaker::worst`] lists the keys that are worst off, and [`KeyedCircuitBreaker::get`] finds one, to isolate or
//! reset it alone. Settings, modes and the kill switch reach all keys. Metrics and the registry show one engine, with
//! the number of keys that are open: keys are never labels. The log tells the key of a circuit that opens; when ten are
//! open already, others are told at `DEBUG` only.
//!
//! # Cancellation, clones, panics
//!
//! Dropping the response future settles the call as cancelled, also before its first poll; the inner service has been
//! called by then. An answer settles it at once, not when the future is dropped. A panic of the inner service or of a
//! classifier reaches the caller; the call counts as cancelled and as panicked. All clones of a layer, and all services made
//! by it, share one breaker; [`fork`](CircuitBreakerLayer::fork) makes another. One breaker in front of two
//! dependencies closes both when one fails.
//!
//! # Readiness
//!
//! An open breaker is always ready: to reject. It does not ask the inner service, so it answers even if that never
//! becomes ready. For load balancers there is [`backpressure`](CircuitBreakerLayer::backpressure). Who calls without
//! tower can wait with [`acquire`](CircuitBreaker::acquire).
//!
//! # Events
//!
//! One `WARN` when it opens from closed, with rates and causes: `circuit breaker opened: 131 of 248 failed: timeout 92,
//! 503 39`. One `INFO` when it closed, with the totals of the episode: an episode costs two lines, however often it reopens.
//! `INFO` also when somebody changed it by hand. `DEBUG` when it becomes half-open, and when it opens again because trial
//! calls failed. Rejections are counted, not logged. [`subscribe`](CircuitBreaker::subscribe) tells a listener of all of
//! them.
//!
//! The lines are in the caller's span. Inside a retry, `attempt` says which attempt of a call it was.
//!
//! [Snapshots](CircuitBreaker::snapshot) also tell how long calls took
//! ([`call_duration`](CircuitBreakerSnapshot::call_duration)). Only calls that were pending are timed; one that is
//! answered at once never looks at the clock for it.
//!
//! # Runtime
//!
//! Nothing needs a runtime, except waiting: [`acquire`](CircuitBreaker::acquire) and
//! [`backpressure`](CircuitBreakerLayer::backpressure) while it is open. That needs a tokio runtime with time
//! enabled; without one tokio panics.
//!
//! # Where it belongs
//!
//! Inside retry, so that each attempt is recorded and an open circuit stops the retry loop; outside the bulkhead and the
//! time-out of each attempt, so that a hung call is recorded as a failure (see the [order of layers](crate#order)). Not around
//! a service whose failures depend on the request: the good requests would be rejected for the bad ones. Not around something
//! that has nothing to recover from and no caller who can do without it.

mod admission;
mod audience;
mod config;
mod control;
mod delivery;
mod durations;
mod engine;
mod event;
mod future;
mod keyed;
mod layer;
mod listeners;
#[cfg(buttress_loom)]
pub(crate) mod loom;
mod permit;
mod service;
mod snapshot;
mod wait;

pub use crate::algo::breaker::{Causes, CircuitControl, CircuitReason, CircuitState};
pub use crate::algo::keyed::Overflow;
pub use config::{CircuitBreakerConfig, Outage, Window};
pub use engine::CircuitBreaker;
pub use event::CircuitEvent;
pub use future::CircuitBreakerFuture;
pub use keyed::{
    KeyedCircuit, KeyedCircuitBreaker, KeyedCircuitBreakerLayer, KeyedCircuitBreakerService,
    KeyedCircuitBreakerSnapshot, KeyedCircuitPermit, KeyedCircuitSnapshot,
};
pub use layer::CircuitBreakerLayer;
pub use listeners::Subscription;
pub use permit::CircuitPermit;
#[cfg(feature = "http")]
pub(crate) use permit::Settle;
pub use service::CircuitBreakerService;
pub use snapshot::CircuitBreakerSnapshot;
