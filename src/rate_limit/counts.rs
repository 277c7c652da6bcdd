//! What both engines count and say about refused calls.

use crate::algo::gcra::Refusal;
use crate::clock;
use crate::mode::Mode;
use crate::name::Name;
use crate::registry::Panel;
use crate::reject::{Rejected, RejectedKind, Source};
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::units::Instant;

/// Every atomic here is a value of its own: nothing is published through one, so all accesses are
/// relaxed.
#[derive(Debug)]
pub(super) struct Refusals {
    pub(super) panel: Panel,
    pub(super) rate_limited: AtomicU64,
    pub(super) cost_above_burst: AtomicU64,
    pub(super) not_ready: AtomicU64,
    pub(super) would_reject: AtomicU64,
}

impl Refusals {
    pub(super) fn new(name: Name) -> Self {
        Self::with(Panel::new("rate_limit", name))
    }

    fn with(panel: Panel) -> Self {
        Self {
            panel,
            rate_limited: AtomicU64::new(0),
            cost_above_burst: AtomicU64::new(0),
            not_ready: AtomicU64::new(0),
            would_reject: AtomicU64::new(0),
        }
    }

    /// The same settings, nothing counted.
    pub(super) fn fork(&self, name: Name) -> Self {
        Self::with(self.panel.fork(name))
    }

    /// The rejection; none in a dry run.
    #[cold]
    pub(super) fn refuse(&self, refusal: Refusal, now: Instant) -> Option<Rejected> {
        self.refuse_in(self.panel.mode(), refusal, now)
    }

    /// The same, if the mode is known.
    pub(super) fn refuse_in(&self, mode: Mode, refusal: Refusal, now: Instant) -> Option<Rejected> {
        (!mode.lets_pass(&self.would_reject)).then(|| self.reject(refusal, now))
    }

    /// The rejection, also in a dry run.
    pub(super) fn reject(&self, refusal: Refusal, now: Instant) -> Rejected {
        let count = match refusal {
            Refusal::Until(_) => &self.rate_limited,
            Refusal::AboveBurst => &self.cost_above_burst,
        };
        count.fetch_add(1, Relaxed);
        self.rejection(refusal, now)
    }

    /// The rejection of a call that is counted elsewhere.
    pub(super) fn rejection(&self, refusal: Refusal, now: Instant) -> Rejected {
        let (kind, wait) = match refusal {
            Refusal::Until(at) => (RejectedKind::RateLimited, Some(at.saturating_since(now))),
            Refusal::AboveBurst => (RejectedKind::CostAboveBurst, None),
        };
        clock::check_now_and_then();
        Rejected::unsent(kind, Source::RateLimit, self.panel.name_id(), wait)
    }

    #[cold]
    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.not_ready.fetch_add(1, Relaxed);
        Rejected::unsent(RejectedKind::NotReady, Source::RateLimit, self.panel.name_id(), None)
    }

    /// How many were rejected for a used up quota, for their cost, for lack of readiness.
    pub(super) fn counts(&self) -> [u64; 3] {
        [&self.rate_limited, &self.cost_above_burst, &self.not_ready].map(|count| count.load(Relaxed))
    }
}
