use std::collections::BTreeMap;
use std::task::Waker;

use super::phase::Role;

/// Proof that a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(super) epoch: u32,
    pub(super) role: Role,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure(&'static str),
    Throttled,
    Ignored,
    /// Dropped before there was a result.
    Cancelled {
        by_panic: bool,
    },
}

/// What to do once the lock is released.
#[derive(Debug)]
#[must_use = "tasks wait for it, and listeners"]
pub(crate) struct After {
    pub(crate) wakers: BTreeMap<u64, Waker>,
    /// The caller has become the one who delivers: it asks the shell for the next transition until there is
    /// none, or abandons the rest.
    pub(crate) deliver: bool,
}

impl After {
    pub(crate) const NOTHING: Self = Self { wakers: BTreeMap::new(), deliver: false };
}

/// What would become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    Admitted,
    Refused,
    /// Half-open: it depends on whether there is a slot.
    Depends,
}
