use std::time::Duration;

use crate::algo::histogram::Histogram;
use crate::bulkhead::snapshot::BulkheadSnapshot;
use crate::mode::Mode;
use crate::name::Name;

/// The state and the counters of a [`KeyedBulkhead`](super::KeyedBulkhead), of all keys together, the latter since it was
/// made; those of keys that went are in it.
///
/// At any moment `calls = admitted + rejected` and `admitted = completed + cancelled + in_flight`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyedBulkheadSnapshot {
    /// The name of the engine.
    pub name: Name,
    /// How many calls of each key may be in flight.
    pub limit: usize,
    /// How many calls of each key may wait; zero without a queue.
    pub queue_len: usize,
    /// How long a call may wait; zero without a queue.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::seconds"))]
    pub max_wait: Duration,
    /// Whether calls that find no room are rejected.
    pub mode: Mode,
    /// Keys in the table.
    pub keys: usize,
    /// The most keys that the table may hold.
    pub max_keys: usize,
    /// Keys that have no room for another call.
    pub full_keys: usize,
    /// Calls in flight now.
    pub in_flight: u64,
    /// Calls that wait now. They are not decided, and not among `calls` yet.
    pub waiting: u64,
    /// Calls that were decided.
    pub calls: u64,
    /// Calls that were passed on.
    pub admitted: u64,
    /// Calls that were rejected, for any of the next four reasons.
    pub rejected: u64,
    /// Rejected because there was no room, and no queue; or because their key found no place, by that setting.
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
    /// Calls without a key, which are not limited. They are among the admitted ones.
    pub unlimited: u64,
    /// Calls whose key found no place in the table, admitted or not.
    pub overflowed: u64,
    /// How long the calls waited that had to, see [`BulkheadSnapshot::queue_wait`].
    pub queue_wait: Histogram,
}

/// One key of a [`KeyedBulkhead`](super::KeyedBulkhead) at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyedCompartmentSnapshot {
    /// The key, as its `Debug` shows it, on one line and at most 200 characters of it.
    pub key: String,
    /// Its bulkhead.
    pub bulkhead: BulkheadSnapshot,
}
