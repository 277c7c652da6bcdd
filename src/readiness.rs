//! The readiness of the wrapped service, and what a layer may say before it is there.

use std::task::{Context, Poll};

use tower::Service;

/// An inner service and whether it was readied.
///
/// tower's contract: `call` only after `poll_ready` said `Ready`, on the same value, and a clone is not
/// ready. A layer that refuses calls has a second reason to say `Ready`: it is about to refuse, and
/// for that the inner service is not needed. Such a call must not reach the inner service.
///
/// Nothing is reserved here, so an instance that is dropped after it was readied holds nothing up.
#[derive(Debug)]
pub(crate) struct Readied<S> {
    inner: S,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has waited for readiness since the last call.
    Unknown,
    /// The inner service is ready for one call.
    Ready,
    /// We said `Ready` because we were about to refuse the call.
    Refusing,
}

/// Why a call may not reach the inner service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unready {
    /// The caller did not wait for readiness.
    NotPolled,
    /// The layer said it was ready because it was about to refuse.
    Refusing,
}

impl<S> Readied<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, state: State::Unknown }
    }

    /// Waits for the inner service, unless the layer would refuse the call anyway.
    ///
    /// `refuses` is asked only while the inner service is pending.
    pub(crate) fn poll_ready<Req>(
        &mut self,
        cx: &mut Context<'_>,
        refuses: impl FnOnce() -> bool,
    ) -> Poll<Result<(), S::Error>>
    where
        S: Service<Req>,
    {
        if self.state == State::Ready {
            return Poll::Ready(Ok(()));
        }
        match self.inner.poll_ready(cx) {
            Poll::Ready(result) => {
                self.state = if result.is_ok() { State::Ready } else { State::Unknown };
                Poll::Ready(result)
            }
            // Having said `Ready`, we go on saying it even if the reason is gone: the caller may be
            // past waiting, and nobody would wake it.
            Poll::Pending if self.state == State::Refusing || refuses() => {
                self.state = State::Refusing;
                Poll::Ready(Ok(()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Says `Ready` without asking the inner service, because the layer refuses calls now.
    pub(crate) fn refuse(&mut self) {
        if self.state != State::Ready {
            self.state = State::Refusing;
        }
    }

    /// The inner service, if it was readied and not called since.
    pub(crate) fn get_ready(&self) -> Result<(), Unready> {
        match self.state {
            State::Ready => Ok(()),
            State::Unknown => Err(Unready::NotPolled),
            State::Refusing => Err(Unready::Refusing),
        }
    }

    /// The call that the readiness was for. Only after [`get_ready`](Self::get_ready) said `Ok`.
    pub(crate) fn call<Req>(&mut self, request: Req) -> S::Future
    where
        S: Service<Req>,
    {
        debug_assert_eq!(self.state, State::Ready, "the inner service was not readied");
        self.state = State::Unknown;
        self.inner.call(request)
    }

    /// Forgets why we said `Ready`, after the refusal. A readied inner service stays so.
    pub(crate) fn refused(&mut self) {
        if self.state == State::Refusing {
            self.state = State::Unknown;
        }
    }

    /// Puts a fresh service in the place of a readied one that will not be called soon, so that what it
    /// reserved is free for others.
    pub(crate) fn renew(&mut self, fresh: S) {
        *self = Self::new(fresh);
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.inner
    }

    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    pub(crate) fn into_inner(self) -> S {
        self.inner
    }
}

/// The clone has to be readied by itself.
impl<S: Clone> Clone for Readied<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}
