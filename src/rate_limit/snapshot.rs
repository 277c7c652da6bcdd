use std::time::Duration;

use super::quota::Quota;
use crate::algo::gcra::Rate;
use crate::algo::histogram::Histogram;
use crate::mode::Mode;
use crate::name::Name;
use crate::units::Instant;

/// What is left of a quota now. Looking takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RateLimitPeek {
    /// The most cells that can be free: the burst of the quota.
    pub limit: u32,
    /// Cells that are free; never above the limit.
    pub remaining: u32,
    /// The time until a cell is free; zero if one is.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::seconds"))]
    pub next_cell: Duration,
    /// The time until all cells are free, if nobody takes one; zero if they are.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::integrations::serde::seconds"))]
    pub reset: Duration,
}

impl RateLimitPeek {
    pub(super) fn new(rate: Rate, state: u64, now: Instant) -> Self {
        Self {
            limit: rate.burst(),
            remaining: rate.remaining(state, now),
            next_cell: rate.due(state, 1).saturating_since(now),
            reset: Instant::from_nanos(state).saturating_since(now),
        }
    }

    /// Nothing left before that instant.
    pub(super) fn exhausted(rate: Rate, until: Instant, now: Instant) -> Self {
        let wait = until.saturating_since(now);
        Self { limit: rate.burst(), remaining: 0, next_cell: wait, reset: wait }
    }
}

/// The counters of a [`RateLimiter`](super::RateLimiter), all since it was made.
/// `calls = admitted + rejected`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RateLimitSnapshot {
    /// The name of the engine.
    pub name: Name,
    /// Whether calls beyond the quota are refused.
    pub mode: Mode,
    /// The quota in force.
    pub quota: Quota,
    /// Calls that were decided; those that wait are not among them yet.
    pub calls: u64,
    /// Calls that were passed on.
    pub admitted: u64,
    /// Calls that were refused, for one of the three reasons below.
    pub rejected: u64,
    /// Calls that were refused because the quota was used up.
    pub rate_limited: u64,
    /// Calls that were refused because they cost more than the burst.
    pub cost_above_burst: u64,
    /// Calls that came without readiness.
    pub not_ready: u64,
    /// Calls that would have been refused, but for the dry run. They are among the admitted ones.
    pub would_reject: u64,
    /// Calls that would have waited, but for the dry run. They are among the admitted ones.
    pub would_wait: u64,
    /// Calls that wait now.
    pub waiting: u64,
    /// Calls that were dropped while they waited. They took nothing and are not among the calls.
    pub abandoned: u64,
    /// The cells that these calls asked for: as many as there were calls, if each costs one. Of calls that came without
    /// readiness it is not known, and each counts as one.
    pub cells: u64,
    /// How long the calls waited that had to, until they were admitted or were told that it would take too long
    /// after all. Calls that were admitted at once are not in it, nor those that were dropped while they waited.
    pub queue_wait: Histogram,
}

/// The counters of a [`KeyedRateLimiter`](super::KeyedRateLimiter), all since it was made.
/// `calls = admitted + rejected`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyedRateLimitSnapshot {
    /// The name of the engine.
    pub name: Name,
    /// Whether calls beyond the quota are refused.
    pub mode: Mode,
    /// The quota in force, for each key.
    pub quota: Quota,
    /// Keys in the table.
    pub keys: usize,
    /// The most keys that the table may hold.
    pub max_keys: usize,
    /// Calls that were decided.
    pub calls: u64,
    /// Calls that were passed on.
    pub admitted: u64,
    /// Calls that were refused, for one of the three reasons below.
    pub rejected: u64,
    /// Calls that were refused because the quota of their key was used up, or no place was left for it.
    pub rate_limited: u64,
    /// Calls that were refused because they cost more than the burst.
    pub cost_above_burst: u64,
    /// Calls that came without readiness.
    pub not_ready: u64,
    /// Calls that would have been refused, but for the dry run. They are among the admitted ones.
    pub would_reject: u64,
    /// Calls without a key, which are not limited. They are among the admitted ones.
    pub unlimited: u64,
    /// Calls whose key found no place in the table, admitted or not.
    pub overflowed: u64,
}
