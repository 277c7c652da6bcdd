use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::ticket::Ticket;
use crate::algo::gcra::{Entered, Look, Refusal};
use crate::clock;
use crate::deadline;
use crate::mode::Mode;
use crate::rate_limit::engine::RateLimiter;
use crate::reject::Rejected;
use crate::units::Instant;

/// What becomes of a call that is ready to wait.
#[derive(Debug)]
pub(in crate::rate_limit) enum Admission {
    Admitted,
    Waits(Wait),
    Rejected(Rejected),
}

impl RateLimiter {
    pub(in crate::rate_limit) fn admit_or_wait(&self, cost: u32) -> Admission {
        let now = clock::now();
        let (Err(_), Some(cost)) = (self.take(now, cost), NonZeroU32::new(cost)) else {
            return self.admitted(cost);
        };
        let until = now.saturating_add(self.max_wait()).min(deadline::in_force(now));
        // Before the lock of the line: when a mode has ended, that is told in the log.
        let mode = self.0.refusals.panel.mode();
        match self.0.line.enter(now, cost, until, mode == Mode::Enforce) {
            Ok(Entered::Admitted) => self.admitted(cost.get()),
            Ok(Entered::WouldWait) => {
                mode.lets_pass(&self.0.would_wait);
                self.admitted(cost.get())
            }
            Ok(Entered::Waits(spot)) => {
                let ticket = Ticket { limiter: self.clone(), spot };
                Admission::Waits(Wait { ticket, armed: None, timer: None })
            }
            Err(refusal) => match self.0.refusals.refuse_in(mode, refusal, now) {
                Some(rejected) => {
                    self.count_extra(cost.get());
                    Admission::Rejected(rejected)
                }
                None => self.admitted(cost.get()),
            },
        }
    }

    fn admitted(&self, cost: u32) -> Admission {
        self.count_admitted(cost);
        Admission::Admitted
    }

    /// What becomes of a call that waited, and is refused or not.
    fn end_wait(&self, ticket: &Ticket, now: Instant, refusal: Option<Refusal>) -> Result<(), Rejected> {
        let cost = ticket.spot.cost();
        self.0.queue_wait.record(now.saturating_since(ticket.spot.since()));
        match refusal {
            Some(refusal) => self.refuse(refusal, now, cost),
            None => {
                self.count_admitted(cost);
                Ok(())
            }
        }
    }
}

pin_project! {
    /// Waits for the turn of one call.
    #[derive(Debug)]
    pub(in crate::rate_limit) struct Wait {
        ticket: Ticket,
        // What the timer is set to.
        armed: Option<Instant>,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl Future for Wait {
    type Output = Result<(), Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            // The clock is compared before the timer is polled, which fails while the task's cooperative
            // budget is used up.
            let now = clock::now();
            let limiter = this.ticket.limiter.clone();
            let due = match this.ticket.look(now, cx.waker()) {
                Look::At(due) => due,
                Look::Refused(refusal) => {
                    return Poll::Ready(limiter.end_wait(this.ticket, now, Some(refusal)));
                }
                Look::Admitted => return Poll::Ready(limiter.end_wait(this.ticket, now, None)),
            };
            if *this.armed != Some(due) {
                this.timer.set(Some(clock::sleep_until(due)));
                *this.armed = Some(due);
            }
            if let Some(timer) = this.timer.as_mut().as_pin_mut() {
                ready!(timer.poll(cx));
            }
            *this.armed = None;
        }
    }
}
