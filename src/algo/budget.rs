//! A token budget: so many repeats for so many calls, and a few per second for who calls rarely.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::float_cmp
    )
)]

#[cfg(buttress_loom)]
pub(crate) mod loom;
mod shared;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use shared::SharedBudget;

use crate::units::nanos;

/// One token, in the unit of account.
///
/// A decimal fraction, so that the shares that people write down (0.1, 0.6) are exact: a hundred
/// deposits of 0.1 make ten tokens, which they do not in binary.
pub(crate) const TOKEN: u64 = 1_000_000_000;

/// What a budget earns and holds, in billionths of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) deposit: u64,
    pub(crate) per_second: u64,
    pub(crate) capacity: u64,
}

impl Terms {
    /// From tokens per call, tokens per second and tokens at most, all checked before.
    pub(crate) fn new(ratio: f64, per_second: f64, capacity: u32) -> Self {
        let capacity = u64::from(capacity).saturating_mul(TOKEN);
        Self { deposit: in_units(ratio), per_second: in_units(per_second), capacity }
    }

    /// After `income`; what the budget cannot hold is lost.
    pub(crate) fn add(self, tokens: u64, income: u64) -> u64 {
        tokens.saturating_add(income).min(self.capacity)
    }

    /// After one token was taken, if there was a whole one.
    pub(crate) fn withdraw(self, tokens: u64) -> Option<u64> {
        tokens.min(self.capacity).checked_sub(TOKEN)
    }

    /// What this much time brings, rounded down.
    pub(crate) fn time_share(self, elapsed: Duration) -> u64 {
        const PER_SECOND: u128 = 1_000_000_000;
        // The product of two u64 fits a u128.
        let share = u128::from(nanos(elapsed)).saturating_mul(u128::from(self.per_second));
        u64::try_from(share / PER_SECOND).unwrap_or(u64::MAX)
    }
}

/// Rounded to the nearest unit: the float that is written `0.0157` lies a little below it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "checked before: not negative, and at most u32::MAX tokens"
)]
fn in_units(tokens: f64) -> u64 {
    (tokens * TOKEN as f64).round() as u64
}
