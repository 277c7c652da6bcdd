use std::time::Duration;

use crate::reject::Expiry;
use crate::units::{Instant, nanos};

/// Since when a call is pending, when it ends, and why then. Part of each response future, hence the plain
/// nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    since: Instant,
    pub(super) due: Instant,
    limit: u64,
}

impl Watch {
    /// The answer was not pending yet, and the clock not read.
    pub(super) const UNSET: Self = Self { since: Instant::NEVER, due: Instant::NEVER, limit: 0 };

    /// Pending since `now`; `outer` is the caller's own deadline.
    pub(super) fn begin(now: Instant, limit: Duration, outer: Instant) -> Self {
        Self { since: now, due: now.saturating_add(limit).min(outer), limit: nanos(limit) }
    }

    pub(super) const fn limit(self) -> Duration {
        Duration::from_nanos(self.limit)
    }

    pub(super) const fn lasted(self, now: Instant) -> Duration {
        now.saturating_since(self.since)
    }

    pub(super) fn has_begun(self) -> bool {
        self.since < Instant::NEVER
    }

    /// The call goes on although its limit has passed, because that was not enforced. It may be by the next time: a
    /// call that hangs must not hang for ever because somebody switched the limit off for a while.
    pub(super) fn let_go(self, now: Instant) -> Self {
        const AT_LEAST: Duration = Duration::from_secs(1);
        let due = now.saturating_add(self.limit().max(AT_LEAST));
        // Earlier by next to nothing, so that it is beyond the limit even if no time passed since.
        let since = Instant::from_nanos(self.since.as_nanos().saturating_sub(1));
        Self { since, due, ..self }
    }

    /// Whether that happened before.
    pub(super) fn was_let_go(self) -> bool {
        self.due > self.since.saturating_add(self.limit())
    }

    pub(super) fn expiry(self, now: Instant) -> Expiry {
        // Timers have a granularity of a millisecond, and a busy runtime adds some. Beyond this it is
        // this process that was late, not the service.
        const TOLERANCE: Duration = Duration::from_millis(50);
        let late = now.saturating_since(self.due);
        let limit = self.limit();
        // The caller's own deadline came first.
        if self.due < self.since.saturating_add(limit) {
            Expiry::CutShort
        } else if late > TOLERANCE && late > limit / 10 {
            Expiry::Stalled
        } else {
            Expiry::Full
        }
    }
}
