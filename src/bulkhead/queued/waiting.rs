use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Sleep;

use crate::algo::queue::Place;
use crate::bulkhead::engine::Bulkhead;
use crate::bulkhead::permit::BulkheadPermit;
use crate::clock;
use crate::deadline;
use crate::mode::Mode;
use crate::reject::{Rejected, RejectedKind};
use crate::units::Instant;

pin_project! {
    /// A call in the queue, until it is called or its time is over.
    #[derive(Debug)]
    pub(in crate::bulkhead) struct Waiting {
        seat: Seat,
        since: Instant,
        // The longest wait ends.
        due: Instant,
        // What the timer is set to.
        armed: Instant,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl Waiting {
    /// Since when a call waits that begins to wait now, and until when it may; none if the caller's deadline
    /// has passed.
    pub(in crate::bulkhead) fn time(max_wait: Duration) -> Option<[Instant; 2]> {
        let now = clock::now();
        (deadline::in_force(now) > now).then(|| [now, now.saturating_add(max_wait)])
    }

    pub(in crate::bulkhead) fn new(bulkhead: Bulkhead, place: Place, [since, due]: [Instant; 2]) -> Self {
        Self { seat: Seat { bulkhead, place: Some(place) }, since, due, armed: Instant::NEVER, timer: None }
    }
}

impl Future for Waiting {
    type Output = Result<BulkheadPermit, Rejected>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let decided = ready!(self.as_mut().poll_turn(cx));
        self.seat.bulkhead.record_wait(self.since);
        Poll::Ready(decided)
    }
}

impl Waiting {
    fn poll_turn(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<BulkheadPermit, Rejected>> {
        let mut this = self.project();
        if let Some(permit) = this.seat.poll(cx) {
            return Poll::Ready(Ok(permit));
        }
        loop {
            let (mode, mode_until) = this.seat.bulkhead.mode_until();
            if mode != Mode::Enforce {
                return Poll::Ready(this.seat.leave(|bulkhead, kind| bulkhead.pass_or_reject(kind, mode)));
            }
            let now = clock::now();
            let due = deadline::in_force(now).min(*this.due);
            // The clock first: a task that has used up its cooperative budget would find the timer pending
            // for ever.
            if now >= due {
                return Poll::Ready(this.seat.leave(|bulkhead, kind| Err(bulkhead.reject(kind))));
            }
            // What is not enforced any more lets it pass, and nobody wakes it for that.
            let wake = due.min(mode_until);
            if wake == Instant::NEVER {
                return Poll::Pending;
            }
            if this.timer.is_none() || *this.armed != wake {
                this.timer.set(Some(clock::sleep_until(wake)));
                *this.armed = wake;
            }
            if let Some(timer) = this.timer.as_mut().as_pin_mut() {
                ready!(timer.poll(cx));
            }
            this.timer.set(None);
        }
    }
}

/// A place in the queue that is left on drop.
#[derive(Debug)]
struct Seat {
    bulkhead: Bulkhead,
    place: Option<Place>,
}

impl Seat {
    fn poll(&mut self, cx: &Context<'_>) -> Option<BulkheadPermit> {
        self.bulkhead.poll_place(&mut self.place, cx.waker())
    }

    /// Leaves without having been called. If it was called in this very moment, it is admitted.
    fn leave(
        &mut self,
        otherwise: impl FnOnce(&Bulkhead, RejectedKind) -> Result<BulkheadPermit, Rejected>,
    ) -> Result<BulkheadPermit, Rejected> {
        let called = self.place.take().and_then(|place| self.bulkhead.leave_queue(place));
        called.map_or_else(|| otherwise(&self.bulkhead, RejectedKind::QueueTimeout), Ok)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else {
            return;
        };
        match self.bulkhead.leave_queue(place) {
            // Handed over, and never used: it counts as cancelled and goes to the next.
            Some(permit) => drop(permit),
            None => self.bulkhead.count_abandoned(),
        }
    }
}
