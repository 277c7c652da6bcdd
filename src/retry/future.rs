use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tower::Service;

use super::decision::Standing;
use super::engine::{Pause, Ticket};
use super::repeat::Repeat;
use super::service::Core;
use crate::attempt;
use crate::classify::Classify;
use crate::clock;
use crate::spare::Spare;
use crate::sync::Arc;
use crate::verdict::Verdict;

pin_project! {
    /// The response future of a [`RetryService`](super::RetryService).
    #[must_use = "futures do nothing unless polled"]
    #[project = FutureProj]
    pub struct RetryFuture<S, Req, C, P>
    where
        S: Service<Req>,
    {
        core: Arc<Core<S, C, P>>,
        // For the next attempt; `None` if there can be none.
        next: Option<Req>,
        sent: u32,
        // Made by what has to wait: most calls never do, and a timer would double the size of this.
        between: Option<Pin<Box<Between<S, Result<S::Response, S::Error>>>>>,
        #[pin]
        state: State<S::Future>,
    }

    impl<S, Req, C, P> PinnedDrop for RetryFuture<S, Req, C, P>
    where
        S: Service<Req>,
    {
        // What an attempt settles when it is given up belongs to that attempt.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(_entered) = attempt::enter((*this.sent).max(attempt::FIRST)) {
                let mut state = this.state;
                state.set(State::Waiting);
            }
        }
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        // An attempt is under way.
        Sent { #[pin] answer: F },
        // Between two attempts. The last one's future is gone, and with it what it held.
        Waiting,
    }
}

pin_project! {
    /// What a call holds once it waited: for its back-off, and then for a service.
    struct Between<S, T> {
        #[pin]
        sleep: Option<Sleep>,
        // Made after the sleep, so that a call that sleeps holds nothing; kept for further attempts.
        service: Option<S>,
        // The last result of an attempt that was sent.
        last_sent: Option<T>,
        // For the attempt to come.
        ticket: Option<Ticket>,
        backoff: Option<Duration>,
    }
}

/// A service that is ready for the next attempt, and the ticket for it.
type Readied<'a, S> = (&'a mut S, Option<Ticket>);

/// The result of a call whose last attempt had this one: once anything was sent, never the news that
/// something was not.
pub(super) fn settle<T>(result: T, verdict: &Verdict, last_sent: Option<T>) -> T {
    match last_sent {
        Some(last_sent) if !verdict.was_sent() => last_sent,
        _ => result,
    }
}

impl<S, T> Between<S, T> {
    fn new() -> Self {
        Self { sleep: None, service: None, last_sent: None, ticket: None, backoff: None }
    }

    fn pause(self: Pin<&mut Self>, pause: Pause, result: Option<T>) {
        let mut this = self.project();
        this.sleep.set(Some(clock::sleep_until(pause.until)));
        *this.ticket = Some(pause.ticket);
        *this.backoff = pause.backoff;
        if result.is_some() {
            *this.last_sent = result;
        }
    }

    fn take_last(self: Pin<&mut Self>) -> Option<T> {
        self.project().last_sent.take()
    }

    /// Sleeps. Tells whether it has just woken.
    fn poll_sleep(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut this = self.project();
        let Some(sleep) = this.sleep.as_mut().as_pin_mut() else { return Poll::Ready(false) };
        ready!(sleep.poll(cx));
        this.sleep.set(None);
        Poll::Ready(true)
    }

    /// Waits until a service is ready.
    fn poll_service<Req>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        spare: &Spare<S>,
    ) -> Poll<Result<Readied<'_, S>, S::Error>>
    where
        S: Service<Req> + Clone,
    {
        let this = self.project();
        let service = this.service.get_or_insert_with(|| spare.take());
        ready!(service.poll_ready(cx))?;
        Poll::Ready(Ok((service, this.ticket.take())))
    }
}

impl<S, Req, C, P> RetryFuture<S, Req, C, P>
where
    S: Service<Req>,
{
    /// The first attempt was sent; `next` is the request for another one.
    #[inline(always)]
    pub(super) fn sent(core: Arc<Core<S, C, P>>, next: Option<Req>, answer: S::Future) -> Self {
        Self { core, next, sent: 1, between: None, state: State::Sent { answer } }
    }

    /// The service was not readied; another one will be.
    pub(super) fn unready(core: Arc<Core<S, C, P>>, request: Req) -> Self {
        Self { core, next: Some(request), sent: 0, between: None, state: State::Waiting }
    }
}

impl<S, Req, C, P> FutureProj<'_, S, Req, C, P>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error>,
    P: Repeat<Req>,
{
    /// What follows from what an attempt came to: another one after a pause, or nothing.
    #[inline]
    fn judge(&self, verdict: &Verdict) -> Option<Pause> {
        let standing = Standing {
            sent: *self.sent,
            copied: self.next.is_some(),
            repeatable: verdict.may_repeat() && self.core.repeatable(self.next.as_ref()),
            backoff: self.between.as_ref().and_then(|between| between.backoff),
        };
        self.core.after(verdict, standing)
    }

    fn wait(&mut self, pause: Pause, last_sent: Option<Result<S::Response, S::Error>>) {
        self.state.set(State::Waiting);
        let between = self.between.get_or_insert_with(|| Box::pin(Between::new()));
        between.as_mut().pause(pause, last_sent);
    }

    /// The result of a call that was repeated.
    #[cold]
    fn settle(
        &mut self,
        result: Result<S::Response, S::Error>,
        verdict: &Verdict,
    ) -> Result<S::Response, S::Error> {
        let last_sent = self.between.take().and_then(|mut between| between.as_mut().take_last());
        settle(result, verdict, last_sent)
    }

    /// Waits, and sends the next attempt; or the call is over, with this result.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<S::Response, S::Error>>> {
        let _attempt = attempt::enter(self.sent.saturating_add(1));
        let between = self.between.get_or_insert_with(|| Box::pin(Between::new()));
        let woke = ready!(between.as_mut().poll_sleep(cx));
        // Switched off meanwhile, because of too many repeats perhaps: then this is one of them.
        if woke
            && self.core.is_off()
            && let Some(last) = between.as_mut().take_last()
        {
            *self.between = None;
            return Poll::Ready(Some(last));
        }
        let (service, ticket) = match ready!(between.as_mut().poll_service(cx, self.core.spare())) {
            Ok(readied) => readied,
            Err(error) => {
                *self.between = None;
                return Poll::Ready(Some(Err(error)));
            }
        };
        #[expect(clippy::expect_used, reason = "whoever waits does so for a request")]
        let request = self.next.take().expect("polled after it completed");
        *self.next = self.core.copy(&request, self.sent.saturating_add(1));
        self.core.count(ticket);
        *self.sent = self.sent.saturating_add(1);
        let answer = service.call(request);
        self.state.set(State::Sent { answer });
        Poll::Ready(None)
    }
}

impl<S, Req, C, P> Future for RetryFuture<S, Req, C, P>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error>,
    P: Repeat<Req>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let StateProj::Sent { answer } = this.state.as_mut().project() {
                let result = {
                    let _attempt = attempt::enter(*this.sent);
                    ready!(answer.poll(cx))
                };
                let verdict = this.core.classify(result.as_ref());
                match this.judge(&verdict) {
                    Some(pause) => this.wait(pause, verdict.was_sent().then_some(result)),
                    None if this.between.is_none() => return Poll::Ready(result),
                    None => return Poll::Ready(this.settle(result, &verdict)),
                }
            }
            if let Some(result) = ready!(this.poll_send(cx)) {
                return Poll::Ready(result);
            }
        }
    }
}

impl<S, Req, C, P> fmt::Debug for RetryFuture<S, Req, C, P>
where
    S: Service<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryFuture").field("sent", &self.sent).finish_non_exhaustive()
    }
}
