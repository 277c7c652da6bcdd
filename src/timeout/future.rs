use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::engine::Shared;
use super::watch::Watch;
use crate::clock;
use crate::deadline::Frame;
use crate::reject::{OnReject, Rejected};
use crate::spread::Lent;
use crate::units::Instant;

pin_project! {
    /// A future under a limit: what the layer and the engine share.
    pub(super) struct Limited<F> {
        engine: Lent<Shared>,
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // Running. The clock is not read before the answer is pending for the first time.
        Running {
            #[pin]
            inner: F,
            watch: Watch,
            #[pin]
            timer: Option<Sleep>,
        },
        // Over. The inner future is gone, so that what it held is free before the caller is told.
        Over,
    }
}

impl<F> Limited<F> {
    #[inline(always)]
    pub(super) fn new(engine: Lent<Shared>, inner: F) -> Self {
        Self { engine, state: State::Running { inner, watch: Watch::UNSET, timer: None } }
    }
}

impl<F: Future> Future for Limited<F> {
    type Output = Result<F::Output, Rejected>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let StateProj::Running { inner, watch, mut timer } = this.state.as_mut().project() else {
            return Poll::Pending;
        };
        let outer = Frame::current();
        {
            let _in_force = this.engine.in_force(outer, *watch).enter();
            if let Poll::Ready(answer) = inner.poll(cx) {
                // What was answered at once took no time worth a look at the clock.
                if watch.has_begun() {
                    this.engine.record(*watch);
                }
                return Poll::Ready(Ok(answer));
            }
        }
        let mut now = clock::now();
        if !watch.has_begun() {
            *watch = this.engine.watch(outer, now);
        }
        loop {
            // The clock is compared before the timer is polled: an inner future that uses up the task's
            // cooperative budget in every poll would keep the timer from ever firing.
            if now < watch.due {
                if watch.due == Instant::NEVER {
                    return Poll::Pending;
                }
                if timer.is_none() {
                    timer.set(Some(clock::sleep_from(now, watch.due)));
                }
                if let Some(timer) = timer.as_mut().as_pin_mut() {
                    ready!(timer.poll(cx));
                }
                now = clock::now();
            }
            if let Some(rejected) = this.engine.expire(*watch, now) {
                this.state.set(State::Over);
                return Poll::Ready(Err(rejected));
            }
            *watch = watch.let_go(now);
            timer.set(None);
        }
    }
}

pin_project! {
    /// The response future of a [`TimeoutService`](super::TimeoutService).
    #[must_use = "futures do nothing unless polled"]
    pub struct TimeoutFuture<F, R> {
        on_reject: R,
        #[pin]
        state: CallState<F>,
    }
}

pin_project! {
    #[project = CallProj]
    enum CallState<F> {
        Sent { #[pin] inner: Limited<F> },
        // Refused in `call`; the result of a refusal is always the future's.
        Refused { rejected: Rejected },
    }
}

impl<F, R> TimeoutFuture<F, R> {
    #[inline(always)]
    pub(super) fn sent(engine: Lent<Shared>, inner: F, on_reject: R) -> Self {
        Self { on_reject, state: CallState::Sent { inner: Limited::new(engine, inner) } }
    }

    pub(super) fn refused(rejected: Rejected, on_reject: R) -> Self {
        Self { on_reject, state: CallState::Refused { rejected } }
    }
}

impl<F, R, Res, E> Future for TimeoutFuture<F, R>
where
    F: Future<Output = Result<Res, E>>,
    R: OnReject<Res, E>,
{
    type Output = Result<Res, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let rejected = match this.state.project() {
            CallProj::Sent { inner } => match ready!(inner.poll(cx)) {
                Ok(result) => return Poll::Ready(result),
                Err(rejected) => rejected,
            },
            CallProj::Refused { rejected } => *rejected,
        };
        Poll::Ready(this.on_reject.on_reject(rejected))
    }
}

impl<F, R> fmt::Debug for TimeoutFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture").finish_non_exhaustive()
    }
}
