//! How a call gets in.

use std::future::poll_fn;
use std::time::Duration;

use super::engine::CircuitBreaker;
use super::permit::CircuitPermit;
use super::wait::{Awaited, Wait};
use crate::algo::breaker::{Outlook, Refusal, Shell, Ticket};
use crate::clock;
use crate::mode::Mode;
use crate::reject::{Rejected, RejectedKind, Source};
use crate::units::Instant;

impl CircuitBreaker {
    /// Lets a call through, or says why not.
    ///
    /// # Errors
    ///
    /// If the breaker is open, or half-open without a free slot.
    #[doc(alias = "acquire_permission")]
    #[doc(alias = "allow")]
    pub fn try_admit(&self) -> Result<CircuitPermit, Rejected> {
        self.try_admit_at(clock::now())
    }

    pub(crate) fn try_admit_at(&self, now: Instant) -> Result<CircuitPermit, Rejected> {
        self.admit_at(now).map_err(|refusal| self.reject(refusal.retry_after))
    }

    fn admit_at(&self, now: Instant) -> Result<CircuitPermit, Refusal> {
        let permit = |ticket| CircuitPermit::new(self.0.lend(), ticket, now);
        match self.0.shell.admit_closed() {
            Some((ticket, _)) => Ok(permit(ticket)),
            None => self.admit_otherwise(now, permit),
        }
    }

    #[cold]
    fn admit_otherwise(
        &self,
        now: Instant,
        permit: impl FnOnce(Ticket) -> CircuitPermit,
    ) -> Result<CircuitPermit, Refusal> {
        let (admitted, after) = self.0.shell.admit_at(now, self.0.panel.mode());
        // The permit first: it ends the call if a waker or the log panics.
        let admitted = admitted.map(permit);
        self.0.finish(after);
        admitted
    }

    /// The common case of [`admit`](Self::admit): a closed breaker. Without a look at the clock where none is needed: the
    /// future takes the time when the answer is first pending.
    #[inline(always)]
    pub(super) fn admit_closed(&self) -> Option<CircuitPermit> {
        let (ticket, is_timed) = self.0.shell.admit_closed()?;
        Some(self.permit(ticket, is_timed))
    }

    /// As [`try_admit`](Self::try_admit), for a call that begins when its future is polled.
    #[cold]
    pub(super) fn admit(&self) -> Result<CircuitPermit, Rejected> {
        let permit = |ticket| self.permit(ticket, self.0.shell.times_calls());
        self.admit_otherwise(clock::now(), permit).map_err(|refusal| self.reject(refusal.retry_after))
    }

    /// Of a call that begins when its future is polled.
    #[inline]
    fn permit(&self, ticket: Ticket, is_timed: bool) -> CircuitPermit {
        let started = if is_timed { now() } else { Instant::NEVER };
        CircuitPermit::new(self.0.lend(), ticket, started).not_begun()
    }

    /// Waits until a call may proceed, for as long as it takes: while the breaker is open or isolated, or all
    /// trial slots are taken. So the consumer of a queue pauses instead of rejecting what it consumed.
    ///
    /// Several who wait are not served in any order.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Panics
    ///
    /// When it has to wait outside a tokio runtime with time enabled; that is tokio's own panic.
    pub async fn acquire(&self) -> CircuitPermit {
        if let Ok(permit) = self.admit_at(clock::now()) {
            return permit;
        }
        let mut wait = Wait::new(self.clone());
        loop {
            poll_fn(|cx| wait.poll(cx)).await;
            if let Ok(permit) = self.admit_at(clock::now()) {
                return permit;
            }
        }
    }

    /// Waits as [`acquire`](Self::acquire) does, and takes no permit: who knows when the next message comes. It promises
    /// nothing: others may be faster.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # let (sender, mut queue) = tokio::sync::mpsc::channel(1);
    /// # sender.send("message").await.unwrap();
    /// # let breaker = buttress::CircuitBreaker::new(buttress::CircuitBreakerConfig::default());
    /// breaker.ready().await;                      // what cannot be worked on stays in the queue
    /// if let Some(message) = queue.recv().await {
    ///     let permit = breaker.acquire().await;
    ///     // .. the work ..
    ///     # let _ = message;
    ///     permit.settle(buttress::Verdict::success());
    /// }
    /// assert_eq!((breaker.snapshot().admitted, breaker.snapshot().cancelled), (1, 0));
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    pub async fn ready(&self) {
        if self.outlook() == Outlook::Admitted {
            return;
        }
        let mut wait = Wait::new(self.clone());
        poll_fn(|cx| wait.poll(cx)).await;
    }

    #[cold]
    fn reject(&self, retry_after: Option<Duration>) -> Rejected {
        clock::check_now_and_then();
        self.0.shell.count_refused();
        Rejected::unsent(
            RejectedKind::CircuitOpen,
            Source::CircuitBreaker,
            self.0.panel.name_id(),
            retry_after,
        )
    }

    /// The rejection of a call that was promised one.
    #[cold]
    pub(super) fn reject_as_said(&self) -> Rejected {
        let refusal = self.refusal_at(clock::now());
        self.reject(refusal.and_then(|refusal| refusal.retry_after))
    }

    #[cold]
    pub(super) fn reject_not_ready(&self) -> Rejected {
        self.0.shell.count_not_ready();
        Rejected::unsent(RejectedKind::NotReady, Source::CircuitBreaker, self.0.panel.name_id(), None)
    }

    #[inline]
    pub(super) fn outlook(&self) -> Outlook {
        self.0.shell.outlook(|| self.0.panel.mode(), clock::now)
    }

    pub(super) fn would_refuse(&self) -> bool {
        self.refusal_at(clock::now()).is_some()
    }

    /// The refusal that a call would meet.
    pub(super) fn refusal_at(&self, now: Instant) -> Option<Refusal> {
        self.0.panel.enforces().then(|| self.0.shell.refusal_at(now)).flatten()
    }
}

impl Awaited for CircuitBreaker {
    fn shell(&self) -> &Shell {
        &self.0.shell
    }

    fn mode_until(&self) -> (Mode, Instant) {
        self.0.panel.mode_until()
    }
}

/// Not in line: only breakers with a rule about slow calls take the time at the beginning.
#[inline(never)]
fn now() -> Instant {
    clock::now()
}
