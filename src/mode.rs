//! How far decisions are carried out.

use std::fmt;

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
    /// Decides nothing: no call is rejected, ended, repeated or replaced, and no result is recorded. Calls
    /// are counted all the same.
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

    /// All of them, from strict to lax.
    pub const ALL: [Self; 3] = [Self::Enforce, Self::DryRun, Self::Off];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
