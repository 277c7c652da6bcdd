use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::Sleep;

use super::engine::CircuitBreaker;
use crate::algo::breaker::Shell;
use crate::clock;
use crate::mode::Mode;
use crate::units::Instant;

/// What a task waits for.
pub(super) trait Awaited {
    fn shell(&self) -> &Shell;
    /// The mode, and when it may change by itself.
    fn mode_until(&self) -> (Mode, Instant);
}

/// A task that waits until a call may proceed: for a time, or for what others do. Made when somebody first
/// waits.
#[derive(Debug)]
pub(super) struct Wait<B: Awaited = CircuitBreaker> {
    breaker: B,
    /// Under which the waker is registered.
    id: Option<u64>,
    timer: Option<Timer>,
}

#[derive(Debug)]
struct Timer {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl<B: Awaited> Wait<B> {
    pub(super) fn new(breaker: B) -> Self {
        Self { breaker, id: None, timer: None }
    }

    /// Ready when a call would be let through now. That is not a promise: others may be faster.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let refusal = self.breaker.shell().wait_at(clock::now(), &mut self.id, cx.waker());
            // After the place was taken, so that a change of the mode in between wakes it.
            let (mode, mode_until) = self.breaker.mode_until();
            let Some(refusal) = refusal.filter(|_| mode == Mode::Enforce) else {
                self.timer = None;
                return Poll::Ready(());
            };
            // What is not enforced any more lets it pass, and nobody wakes it for that.
            let until = refusal.until.min(mode_until);
            if until == Instant::NEVER {
                // Only a change by hand helps, and that wakes us.
                self.timer = None;
                return Poll::Pending;
            }
            ready!(self.poll_timer(until, cx));
            self.timer = None;
        }
    }

    fn poll_timer(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.take().filter(|timer| timer.at == at);
        let timer = timer.unwrap_or_else(|| Timer { at, sleep: Box::pin(clock::sleep_until(at)) });
        self.timer.insert(timer).sleep.as_mut().poll(cx)
    }
}

impl<B: Awaited> Drop for Wait<B> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.breaker.shell().forget(id);
        }
    }
}
