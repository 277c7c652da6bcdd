//! The ambient deadline: until when the caller waits.
//!
//! A timeout layer puts its deadline into force while it calls and polls what it wraps. Whatever waits
//! inside, in the same task (back-off, a queue, a rate limit, an inner timeout), asks for it and
//! does not begin a wait that would end too late. So a client call inside a server's handler inherits
//! the server's deadline without any plumbing.
//!
//! The deadline is a property of the task's current poll, held in a thread-local and restored after
//! it. It does not follow `tokio::spawn`; carry it by hand:
//!
//! ```
//! use buttress::deadline;
//!
//! # async fn query() {}
//! # async fn handler() {
//! let inherited = deadline::current();
//! tokio::spawn(deadline::scope(inherited, query()));
//! # }
//! ```

use std::cell::Cell;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::clock;
use crate::units::{Instant, nanos};

/// A point in time after which nobody waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that is `timeout` away from now.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self(clock::now().saturating_add(timeout))
    }

    /// Puts this into force on this thread, besides what is, until the guard is dropped.
    #[cfg(all(feature = "http", feature = "timeout"))]
    pub(crate) fn enter(self) -> Entered {
        Frame::current().with_instant(self.0).enter()
    }

    /// The time that is left; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_since(clock::now())
    }
}

thread_local! {
    static CURRENT: Cell<Frame> = const { Cell::new(Frame::NONE) };
}

/// The deadline in force, as it is kept: the earlier of a fixed instant and a time limit that starts
/// when somebody asks.
///
/// The limit spares a timeout layer the clock when its inner service answers at once: at the first
/// poll its deadline is "now plus the limit", and only who asks during that poll pays for the "now".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    fixed: Instant,
    limit: u64,
}

impl Frame {
    const NONE: Self = Self { fixed: Instant::NEVER, limit: u64::MAX };

    /// What is in force now.
    pub(crate) fn current() -> Self {
        CURRENT.get()
    }

    /// Also in force: a limit that starts now.
    pub(crate) fn with_limit(self, limit: Duration) -> Self {
        Self { limit: self.limit.min(nanos(limit)), ..self }
    }

    /// Also in force: an instant.
    pub(crate) fn with_instant(self, at: Instant) -> Self {
        Self { fixed: self.fixed.min(at), ..self }
    }

    /// The earliest instant in force.
    pub(crate) fn at(self, now: Instant) -> Instant {
        self.fixed.min(now.saturating_add(Duration::from_nanos(self.limit)))
    }

    fn is_none(self) -> bool {
        self.fixed == Instant::NEVER && self.limit == u64::MAX
    }

    /// Puts this into force on this thread until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered { before: CURRENT.replace(self), on_this_thread: PhantomData }
    }
}

/// Restores what was in force before, also when the poll panics.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Frame,
    on_this_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// The instant in force, for whoever is about to wait; never, if there is none.
pub(crate) fn in_force(now: Instant) -> Instant {
    Frame::current().at(now)
}

/// The earliest deadline in force for this poll, if any.
#[must_use]
pub fn current() -> Option<Deadline> {
    let frame = Frame::current();
    if frame.is_none() {
        return None;
    }
    let at = frame.at(clock::now());
    // Whoever asks again during this poll gets the same answer.
    CURRENT.set(Frame { fixed: at, limit: u64::MAX });
    Some(Deadline(at))
}

/// Runs a future under a deadline, besides what is in force where it is polled.
///
/// It does not stop the future: it tells what waits inside how long the caller will. `None` changes
/// nothing.
pub fn scope<F: Future>(deadline: Option<Deadline>, future: F) -> Scope<F> {
    Scope { at: deadline.map_or(Instant::NEVER, |deadline| deadline.0), future }
}

pin_project! {
    /// The future of [`scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scope<F> {
        at: Instant,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Frame::current().with_instant(*this.at).enter();
        this.future.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_in_force_and_the_outer_one_comes_back() {
        assert_eq!(current(), None);
        let far = Deadline(Instant::NEVER.min(Instant::from_nanos(u64::MAX - 1)));
        let outer = Frame::current().with_instant(far.0).enter();
        {
            let _inner = Frame::current().with_limit(Duration::from_secs(1)).enter();
            assert!(current().unwrap() < far);
        }
        assert_eq!(current(), Some(far));
        drop(outer);
        assert_eq!(current(), None);
    }

    #[test]
    fn a_panic_restores_it() {
        let result = std::panic::catch_unwind(|| {
            let _entered = Frame::current().with_limit(Duration::ZERO).enter();
            panic!("in a poll");
        });
        assert!(result.is_err());
        assert_eq!(current(), None);
    }
}
