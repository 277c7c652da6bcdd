//! The number of the attempt that runs now.
//!
//! A property of the task's current poll, like the [deadline](crate::deadline): held in a thread-local, and
//! restored after the poll.

use std::cell::Cell;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// What runs outside of any retry is a first attempt too.
pub(crate) const FIRST: u32 = 1;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(FIRST) };
}

/// The number in force on this thread.
pub(crate) fn current() -> u32 {
    CURRENT.get()
}

/// Puts this number into force on this thread until the guard is dropped. There is none if it is in force
/// already, as it nearly always is: most attempts are first ones, within no other retry.
#[inline]
pub(crate) fn enter(number: u32) -> Option<Entered> {
    let before = current();
    (before != number).then(|| {
        CURRENT.set(number);
        Entered { before, on_this_thread: PhantomData }
    })
}

/// Restores what was in force before, also when the poll panics.
#[derive(Debug)]
pub(crate) struct Entered {
    before: u32,
    on_this_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// Runs `work` as this attempt, and the future that it makes.
pub(crate) fn scope<F: Future>(number: u32, work: impl FnOnce() -> F) -> Attempt<F> {
    let _entered = enter(number);
    Attempt { number, future: Some(work()) }
}

pin_project! {
    /// The future of [`scope`].
    pub(crate) struct Attempt<F> {
        number: u32,
        // Gone once it is dropped as part of its attempt.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Attempt<F> {
        // What the future settles when it is dropped belongs to its attempt as well.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let _entered = enter(*this.number);
            let mut future = this.future;
            future.set(None);
        }
    }
}

impl<F: Future> Future for Attempt<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = enter(*this.number);
        this.future.as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_number_is_in_force_and_the_outer_one_comes_back() {
        assert_eq!((current(), enter(1).is_none()), (1, true));
        let outer = enter(2);
        {
            let _inner = enter(1);
            assert_eq!(current(), 1);
            let _innermost = enter(3);
            assert_eq!(current(), 3);
        }
        assert_eq!(current(), 2);
        drop(outer);
        assert_eq!(current(), 1);
    }

    #[test]
    fn a_panic_restores_it() {
        let result = std::panic::catch_unwind(|| {
            let _entered = enter(2);
            panic!("in a poll");
        });
        assert_eq!((result.is_err(), current()), (true, 1));
    }

    #[test]
    fn a_future_that_is_dropped_is_dropped_in_its_attempt() {
        struct OnDrop<'a>(&'a Cell<u32>);
        impl Drop for OnDrop<'_> {
            fn drop(&mut self) {
                self.0.set(current());
            }
        }
        let seen = Cell::new(0);
        let held = OnDrop(&seen);
        drop(scope(3, || async move {
            std::future::pending::<()>().await;
            drop(held);
        }));
        assert_eq!((seen.get(), current()), (3, 1));
    }
}
