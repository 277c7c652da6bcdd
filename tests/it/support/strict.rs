//! A scripted inner service that is strict about tower's contract.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower::Service;

use super::Fail;

/// What one call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Answers with the request.
    Ok,
    /// Fails.
    Err,
    /// Never answers.
    Hang,
    /// Answers after this time.
    After(Duration),
    /// Fails after this time.
    ErrAfter(Duration),
    /// Answers after this many polls that woke the task themselves.
    Yield(u32),
    /// Panics in `call`.
    PanicInCall,
    /// Panics when the future is polled.
    PanicInPoll,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestError(pub u64);

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "test error {}", self.0)
    }
}

impl std::error::Error for TestError {}

/// What a [`Strict`] and all its clones saw.
#[derive(Default)]
pub struct Counts {
    readiness_polls: AtomicU64,
    calls: AtomicU64,
    violations: AtomicU64,
    in_flight: AtomicU64,
    peak: AtomicU64,
    completions: AtomicU64,
    clones: AtomicU64,
    pending: AtomicBool,
    broken: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

/// The view on a [`Strict`] from outside.
#[derive(Clone, Default)]
pub struct Probe(Arc<Counts>);

impl Probe {
    pub fn readiness_polls(&self) -> u64 {
        self.0.readiness_polls.load(SeqCst)
    }

    pub fn calls(&self) -> u64 {
        self.0.calls.load(SeqCst)
    }

    /// Calls on an instance that was not ready.
    pub fn violations(&self) -> u64 {
        self.0.violations.load(SeqCst)
    }

    pub fn in_flight(&self) -> u64 {
        self.0.in_flight.load(SeqCst)
    }

    /// The most calls that were in flight at once.
    pub fn peak(&self) -> u64 {
        self.0.peak.load(SeqCst)
    }

    pub fn completions(&self) -> u64 {
        self.0.completions.load(SeqCst)
    }

    pub fn clones(&self) -> u64 {
        self.0.clones.load(SeqCst)
    }

    /// From now on `poll_ready` is pending, or ready again.
    pub fn set_pending(&self, pending: bool) {
        self.0.pending.store(pending, SeqCst);
        if !pending {
            self.0.wakers.lock().unwrap().drain(..).for_each(Waker::wake);
        }
    }

    /// From now on `poll_ready` fails, for good.
    pub fn set_broken(&self) {
        self.0.broken.store(true, SeqCst);
    }

    /// Tasks that wait for readiness.
    pub fn waiting(&self) -> usize {
        self.0.wakers.lock().unwrap().len()
    }
}

type Script = dyn Fn(u64, u64) -> Act + Send + Sync;

/// The inner service. A clone is not ready, whatever the original was; `call` notes whether it was.
pub struct Strict {
    probe: Probe,
    script: Arc<Script>,
    ready: bool,
}

impl Strict {
    /// Each call does what the script says, given the number of the call (from 0) and the request.
    pub fn new(script: impl Fn(u64, u64) -> Act + Send + Sync + 'static) -> (Self, Probe) {
        let probe = Probe::default();
        (Self { probe: probe.clone(), script: Arc::new(script), ready: false }, probe)
    }

    pub fn ok() -> (Self, Probe) {
        Self::new(|_, _| Act::Ok)
    }

    pub fn always(act: Act) -> (Self, Probe) {
        Self::new(move |_, _| act)
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        self.probe.0.clones.fetch_add(1, SeqCst);
        Self { probe: self.probe.clone(), script: Arc::clone(&self.script), ready: false }
    }
}

impl Service<u64> for Strict {
    type Response = u64;
    type Error = Fail;
    type Future = Reply;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fail>> {
        let counts = &*self.probe.0;
        counts.readiness_polls.fetch_add(1, SeqCst);
        if counts.broken.load(SeqCst) {
            return Poll::Ready(Err(Fail::Inner(TestError(u64::MAX))));
        }
        if counts.pending.load(SeqCst) && !self.ready {
            counts.wakers.lock().unwrap().push(cx.waker().clone());
            return Poll::Pending;
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Reply {
        let counts = &self.probe.0;
        if !std::mem::take(&mut self.ready) {
            counts.violations.fetch_add(1, SeqCst);
        }
        let number = counts.calls.fetch_add(1, SeqCst);
        let act = (self.script)(number, request);
        assert!(act != Act::PanicInCall, "scripted panic in call");
        let in_flight = counts.in_flight.fetch_add(1, SeqCst) + 1;
        counts.peak.fetch_max(in_flight, SeqCst);
        let sleep = match act {
            Act::After(time) | Act::ErrAfter(time) => Some(Box::pin(tokio::time::sleep(time))),
            _ => None,
        };
        Reply { probe: self.probe.clone(), act, request, sleep, done: false }
    }
}

/// The future of one call. It counts as in flight until it completed or was dropped.
pub struct Reply {
    probe: Probe,
    act: Act,
    request: u64,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    done: bool,
}

impl Future for Reply {
    type Output = Result<u64, Fail>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.done, "polled after it completed");
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        let result = match &mut self.act {
            Act::Hang => return Poll::Pending,
            Act::Yield(0) | Act::Ok | Act::After(_) => Ok(self.request),
            Act::Yield(left) => {
                *left -= 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Act::Err | Act::ErrAfter(_) => Err(Fail::Inner(TestError(self.request))),
            Act::PanicInPoll | Act::PanicInCall => panic!("scripted panic in poll"),
        };
        self.done = true;
        self.probe.0.in_flight.fetch_sub(1, SeqCst);
        self.probe.0.completions.fetch_add(1, SeqCst);
        Poll::Ready(result)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.done {
            self.probe.0.in_flight.fetch_sub(1, SeqCst);
        }
    }
}
