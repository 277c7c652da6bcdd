//! What a stack is: its layers in order, what they are set to, the worst case, and what looks like a mistake.
//!
//! For a review before a deploy, for a unit test that holds the promises that others build on, and for the
//! question of who set this limit:
//!
//! ```
//! use std::time::Duration;
//! use buttress::client_stack;
//!
//! let explained = client_stack("payments").owner("team-payments").explain();
//! println!("{explained}");
//!
//! let worst = explained.worst_case();
//! assert!(worst.duration <= Some(Duration::from_secs(3)));
//! assert!(worst.attempts <= 3 && worst.amplification <= 1.1 + 1e-9);
//! assert_eq!(explained.warnings(), []);
//! ```
//!
//! It prints:
//!
//! ```text
//! stack payments, owner team-payments, fingerprint 244513700035099
//!
//!   timeout          payments/total    limit 3s
//!   retry            payments          default: max_attempts 3, backoff.base 100ms, backoff.factor 2,
//!                                      backoff.cap 2s, jitter full, retry_after_cap 30s, budget own
//!     retry budget   payments          default: ratio 0.1, per_second 1, capacity 15
//!   circuit breaker  payments          default: window.length 10s, window.buckets 10, min_calls 100,
//!                                      failure_rate 0.5, outage.failures 5, outage.span 1s, trial_calls 5,
//!                                      trial_successes 3, trial_timeout 10s, open_time 2s, open_time_factor 1.5,
//!                                      open_time_cap 10s, open_time_jitter 0.25, cancelled_after 500ms
//!   bulkhead         payments          rejects, max_concurrent 64
//!   timeout          payments/attempt  limit 1s
//!
//!   worst case: 3s, 3 attempts, 1.10 requests per call in the long run
//!   no warnings
//! ```
//!
//! Outermost first. What is off by default, and off, is left out of the text; as JSON (feature `serde`)
//! everything is there, each setting with its [source](crate::registry::SettingSource). A stack that is
//! made by hand is explained by [`explain`], from references to its layers in the same order.
//!
//! # The worst case
//!
//! [`WorstCase`] goes by the settings as they are now, each engine's own dry run included. Modes that are
//! set by hand, for an engine or for the whole process, are left aside: they come and go.
//!
//! `duration` runs from the first poll of the future, and is worked out from the inside. The service itself
//! may take for ever.
//!
//! | layer | how long a call takes from there, if it takes `d` inside |
//! |---|---|
//! | timeout | the shorter one of `d` and its limit |
//! | retry | `d` for each attempt, and the longest pause before each but the first |
//! | bulkhead with a queue, rate limit that waits | `d` and the longest wait |
//! | fallback to another service | no limit: nobody knows how long that takes |
//! | breaker with backpressure | no limit: it is not ready while it is open |
//! | all others | `d` |
//!
//! The longest pause is the back-off as far as jitter may take it, or `retry_after_cap` if that is longer;
//! with a rate limit inside, or a foreign layer, at least the back-off's cap. (A client that has a limiter of
//! its own, and rejects with [`RateLimited`](crate::RejectedKind::RateLimited), is not seen.)
//!
//! What comes on top is known to nobody here: a timer fires up to a millisecond late, and later when the
//! process is short of time; a service may take its time to become ready for another attempt. A timeout
//! around all of it limits that too.
//!
//! `attempts` is the product of all `max_attempts`. `amplification` is the product of one factor for each
//! retry: with a budget `1 + ratio`, but not more than `max_attempts`; without one, or if other retries or
//! stacks save up for the same budget, `max_attempts`. (Deposits made by hand are not seen.) What a budget allows per second, whatever the calls, comes
//! on top, and what it had saved up in calm times at the beginning: both do not grow with the traffic.
//!
//! # Warnings
//!
//! Each [`Warning`] is something that some stack of this order got wrong before: a retry with nothing to
//! limit it, a breaker that cannot see attempts, one engine where two were meant. It may be right all the
//! same, so nothing is refused; a test may insist:
//!
//! ```
//! use buttress::{CircuitBreakerConfig, CircuitBreakerLayer, client_stack};
//! use buttress::explain::Warning;
//!
//! let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("search");
//! // A clone is the same breaker, whatever it is called.
//! let stack = client_stack("ads").circuit_breaker(breaker.clone().name("ads"));
//! assert!(matches!(stack.explain().warnings(), [Warning::TwoNames { .. }]));
//! // `fork` makes another one.
//! let stack = client_stack("ads").circuit_breaker(breaker.fork("ads"));
//! assert_eq!(stack.explain().warnings(), []);
//! ```
//!
//! # Fingerprints
//!
//! [`Explanation::fingerprint`] stands for all settings of all layers and their order. It is the same in
//! each process with the same settings, so instances that differ can be told apart by a number: in the line
//! that each stack writes to the log when it is first used, and for each engine in its
//! [snapshot](crate::registry::EngineSnapshot::fingerprint) and its metrics.
//!
//! # Parts
//!
//! What goes into a stack is a [`Part`], so that it can be explained, and gets the stack's name, owner and
//! runbook. All layers of this crate are; a layer of another crate goes in as [`Foreign`], and your own may
//! implement it.
//!
//! # Events
//!
//! One `INFO` per stack when it is first applied to a service, and again after a part was replaced:
//! `stack`, `owner`, `runbook`, `fingerprint`, `layers` with their settings, `worst_case`, `warnings`.
//! [`Explanation::log`] writes it for a stack made by hand.

mod check;
mod explanation;
mod facts;
mod foreign;
mod info;
mod layer;
mod layers;
mod part;
mod sharing;
mod text;
mod warning;
mod worst_case;

pub use explanation::{Explanation, explain};
pub use foreign::Foreign;
pub use info::PartInfo;
pub use layer::ExplainedLayer;
pub use part::Part;
pub use warning::Warning;
pub use worst_case::WorstCase;

pub(crate) use explanation::{adopt, explain_parts, is_logged};
