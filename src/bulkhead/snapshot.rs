use std::time::Duration;

use crate::algo::histogram::Histogram;
use crate::mode::Mode;
use crate::name::Name;

/// The state and the counters of a [`Bulkhead`](super::Bulkhead), the latter since it was made.
///
/// At any moment `calls = admitted + rejected` and `admitted = completed + cancelled + in_flight`. No
/// counter ever decreases.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BulkheadSnapshot {
    /// The name of the engine.
    pub name: Name,
    /// How many calls may be in flight.
    pub limit: usize,
    /// How many calls may wait; zero without a queue.
    pub queue_len: usize,
    /// How long a call may wait; zero without a queue.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::seconds"))]
    pub max_wait: Duration,
    /// Whether calls that find no room are rejected.
    pub mode: Mode,
    /// Calls in flight now. Above the limit after that was lowered, and while it is not enforced: what is let
    /// through then takes no place, so that as many as the limit come on top once it is enforced again.
    pub in_flight: u64,
    /// Calls that wait now. They are not decided, and not among `calls` yet.
    pub waiting: u64,
    /// Calls that were decided.
    pub calls: u64,
    /// Calls that were passed on.
    pub admitted: u64,
    /// Calls that were rejected, for any of the next four reasons.
    pub rejected: u64,
    /// Rejected because there was no room, and no queue.
    pub full: u64,
    /// Rejected because there was no room, and the queue was full.
    pub queue_full: u64,
    /// Rejected after the longest wait, or at the caller's deadline.
    pub queue_timeout: u64,
    /// Rejected because they came without readiness.
    pub not_ready: u64,
    /// Admitted calls that came to an end.
    pub completed: u64,
    /// Admitted calls that were dropped before that.
    pub cancelled: u64,
    /// Those of the cancelled that were dropped by a panic.
    pub panicked: u64,
    /// Calls that were dropped while they waited. They were never decided, and are not among `calls`.
    pub abandoned: u64,
    /// Those of the admitted that found no room, but for the dry run.
    pub would_reject: u64,
    /// How long the calls waited that had to, until they were admitted or their time was over. Calls that found
    /// room at once are not in it, nor those that were dropped while they waited.
    pub queue_wait: Histogram,
}
