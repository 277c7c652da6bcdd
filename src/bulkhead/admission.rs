//! How a call gets in and out: what the layers, the permits and those who wait ask of the engine.

use std::task::Waker;
use std::time::Duration;

use super::engine::{Bulkhead, Shared};
use super::permit::{BulkheadPermit, Hold};
use super::queued::Waiting;
use crate::algo::permits::{Entered, Left};
use crate::algo::queue::Place;
use crate::clock;
use crate::mode::Mode;
use crate::reject::{Rejected, RejectedKind, Source};
use crate::sync::Ordering::Relaxed;
use crate::units::Instant;
#[cfg(feature = "http")]
use crate::units::Ratio;

/// What became of a call that may wait.
#[derive(Debug)]
pub(super) enum Admission {
    Admitted(BulkheadPermit),
    Waits(Waiting),
    Rejected(Rejected),
}

impl Bulkhead {
    #[inline]
    pub(super) fn permit(&self, hold: Hold) -> BulkheadPermit {
        BulkheadPermit::new(self.0.lend(), hold)
    }

    /// The common case: there is room.
    #[inline]
    pub(super) fn admit_now(&self) -> Option<BulkheadPermit> {
        self.0.permits.try_enter().then(|| self.permit(Hold::Place))
    }

    /// Whether a call would be rejected for want of room now.
    pub(super) fn rejects(&self) -> bool {
        self.0.permits.is_full() && self.enforces()
    }

    /// Whether a call that may wait would be rejected for want of room now.
    pub(super) fn rejects_waiting(&self) -> bool {
        self.0.permits.is_queue_full() && self.enforces()
    }

    pub(super) fn admit_or_queue(&self) -> Admission {
        let permits = &self.0.permits;
        if permits.try_enter() {
            return Admission::Admitted(self.permit(Hold::Place));
        }
        let refused = match permits.queue_len() {
            0 => RejectedKind::BulkheadFull,
            _ => RejectedKind::QueueFull,
        };
        let mode = self.mode();
        if permits.is_queue_full() || mode != Mode::Enforce {
            return self.pass_or_reject(refused, mode).into();
        }
        let Some(time) = Waiting::time(Duration::from_nanos(self.0.max_wait.load(Relaxed))) else {
            return Admission::Rejected(self.reject(RejectedKind::QueueTimeout));
        };
        match permits.enter() {
            Entered::Admitted => Admission::Admitted(self.permit(Hold::Place)),
            Entered::Waits(place) => Admission::Waits(Waiting::new(self.clone(), place, time)),
            Entered::Refused => self.pass_or_reject(refused, mode).into(),
        }
    }

    /// For want of room, unless that is not enforced.
    #[cold]
    pub(super) fn pass_or_reject(&self, kind: RejectedKind, mode: Mode) -> Result<BulkheadPermit, Rejected> {
        if !mode.lets_pass(&self.0.excess.would_reject) {
            return Err(self.reject(kind));
        }
        Ok(self.pass())
    }

    /// A call that nothing is decided about.
    pub(super) fn pass(&self) -> BulkheadPermit {
        self.0.excess.admitted.fetch_add(1, Relaxed);
        self.permit(Hold::Excess)
    }

    #[cold]
    pub(super) fn reject(&self, kind: RejectedKind) -> Rejected {
        let shared = &*self.0;
        let count = match kind {
            RejectedKind::QueueFull => &shared.queue_full,
            RejectedKind::QueueTimeout => &shared.queue_timeout,
            RejectedKind::NotReady => &shared.not_ready,
            _ => &shared.full,
        };
        count.fetch_add(1, Relaxed);
        Rejected::unsent(kind, Source::Bulkhead, self.0.panel.name_id(), None)
    }

    /// The rejection of a call that is not to be admitted once this share of the limit is in use.
    #[cfg(feature = "http")]
    pub(crate) fn refuse_from(&self, share: Ratio) -> Option<Rejected> {
        let permits = &self.0.permits;
        let is_busy = share.is_reached(permits.in_flight(), permits.limit());
        (is_busy && self.enforces()).then(|| self.reject(RejectedKind::BulkheadFull))
    }

    pub(super) fn mode(&self) -> Mode {
        self.0.panel.mode()
    }

    fn enforces(&self) -> bool {
        self.mode() == Mode::Enforce
    }

    /// The mode, and when it may change by itself.
    pub(super) fn mode_until(&self) -> (Mode, Instant) {
        self.0.panel.mode_until()
    }

    /// The permit of one who waits, if it was called.
    pub(super) fn poll_place(&self, place: &mut Option<Place>, waker: &Waker) -> Option<BulkheadPermit> {
        (place.is_some() && self.0.permits.poll(place, waker)).then(|| self.permit(Hold::Place))
    }

    /// Leaves the queue, with the permit if it was called meanwhile.
    pub(super) fn leave_queue(&self, place: Place) -> Option<BulkheadPermit> {
        match self.0.permits.leave_queue(place) {
            Left::Permit => Some(self.permit(Hold::Place)),
            Left::Nothing => None,
        }
    }

    /// A call that waited since then was decided.
    pub(super) fn record_wait(&self, since: Instant) {
        self.0.queue_wait.record(clock::now().saturating_since(since));
    }

    pub(super) fn count_abandoned(&self) {
        self.0.abandoned.fetch_add(1, Relaxed);
    }
}

impl Shared {
    #[inline]
    pub(super) fn complete(&self, hold: Hold) {
        match hold {
            Hold::Place => self.permits.complete(),
            Hold::Excess => self.excess.completed.add(),
            Hold::Settled => {}
        }
    }

    #[cold]
    pub(super) fn cancel(&self, hold: Hold) {
        if hold != Hold::Settled && std::thread::panicking() {
            // First: once nothing is in flight, the bulkhead of a key may go, with its counts as they are then.
            self.panicked.add();
        }
        match hold {
            Hold::Place => self.permits.cancel(),
            Hold::Excess => self.excess.cancelled.add(),
            Hold::Settled => {}
        }
    }
}

impl From<Result<BulkheadPermit, Rejected>> for Admission {
    fn from(result: Result<BulkheadPermit, Rejected>) -> Self {
        match result {
            Ok(permit) => Self::Admitted(permit),
            Err(rejected) => Self::Rejected(rejected),
        }
    }
}
