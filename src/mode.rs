//! How far decisions are carried out.

use std::fmt;
use std::str::FromStr;

use crate::error::InvalidConfig;
use crate::sync::{AtomicU64, Ordering};

/// How far an engine's decisions are carried out.
///
/// From strict to lax; of two that apply, the laxer one counts. See the [registry](crate::registry) for who
/// sets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Mode {
    /// As decided. The default.
    #[default]
    Enforce,
    /// Decides as ever and counts what it would reject, end, repeat or replace, and does none of it.
    DryRun,
    /// Decides nothing: no call is rejected, ended, repeated or replaced, and nothing is learned from results.
    /// Calls are counted all the same. (A call that came without readiness is refused in any mode: there is nothing
    /// that could be called.)
    Off,
}

impl Mode {
    /// The word for it in logs, metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::DryRun => "dry_run",
            Self::Off => "off",
        }
    }

    /// Whether what was decided is not to be done. A dry run counts it. The count says nothing about anything
    /// else, hence relaxed.
    pub(crate) fn lets_pass(self, would: &AtomicU64) -> bool {
        if self == Self::DryRun {
            would.fetch_add(1, Ordering::Relaxed);
        }
        self != Self::Enforce
    }

    /// All of them, from strict to lax.
    pub const ALL: [Self; 3] = [Self::Enforce, Self::DryRun, Self::Off];
}

impl FromStr for Mode {
    type Err = InvalidConfig;

    fn from_str(word: &str) -> Result<Self, InvalidConfig> {
        let found = Self::ALL.into_iter().find(|mode| mode.as_str() == word);
        found.ok_or_else(|| InvalidConfig::new("mode", word, "must be enforce, dry_run or off"))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
