//! The dependency: answers, fails, is slow, hangs and panics, and counts what it did.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use buttress::{Fault, Rejected, Verdict};
use tokio::time::Sleep;
use tower::Service;

use crate::dice::mix;

#[derive(Clone, Copy, Debug)]
pub enum Fail {
    Broken,
    TooMany,
    Rejected(Rejected),
}

impl From<Rejected> for Fail {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl Fault for Fail {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Broken | Self::TooMany => None,
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Broken => Verdict::failure("broken"),
            Self::TooMany => Verdict::throttled(),
            Self::Rejected(rejected) => Verdict::from(*rejected),
        }
    }
}

/// What it did, and how it is. Shared by all clones.
#[derive(Debug, Default)]
pub struct Counts {
    pub calls: AtomicU64,
    /// What the limiter before it was asked for.
    pub cells: AtomicU64,
    pub ok: AtomicU64,
    pub broken: AtomicU64,
    pub too_many: AtomicU64,
    pub panicked: AtomicU64,
    pub dropped: AtomicU64,
    pub in_flight: AtomicU64,
    /// Called without readiness.
    pub violations: AtomicU64,
    asked: AtomicU64,
    pub bad_weather: AtomicBool,
    pub healthy: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Ok(u64),
    Broken,
    TooMany,
    Slow(Duration),
    Hang,
    PanicInCall,
    PanicInPoll,
}

impl Counts {
    /// Of 100 calls 3 panic, which is 1 of 100 that callers make; in bad weather two thirds fail.
    fn act(&self, request: u64, number: u64) -> Act {
        if self.healthy.load(SeqCst) {
            return Act::Ok(0);
        }
        let roll = mix(request ^ number.rotate_left(32));
        match roll % 100_000 {
            0..1_500 => Act::PanicInCall,
            1_500..3_000 => Act::PanicInPoll,
            3_000..70_000 if self.bad_weather.load(SeqCst) => Act::Broken,
            3_000..6_000 => Act::Broken,
            6_000..6_500 => Act::TooMany,
            6_500..7_000 => Act::Slow(Duration::from_millis(1 + roll % 3)),
            7_000..7_050 => Act::Slow(Duration::from_millis(40)),
            7_050..7_052 => Act::Hang,
            7_052..25_000 => Act::Ok(1 + roll % 4),
            _ => Act::Ok(0),
        }
    }
}

#[derive(Debug, Default)]
pub struct Inner {
    counts: Arc<Counts>,
    ready: bool,
    /// Somebody waits for it to be ready.
    pending: bool,
}

impl Inner {
    pub fn of(counts: &Arc<Counts>) -> Self {
        Self { counts: Arc::clone(counts), ..Self::default() }
    }
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self { counts: Arc::clone(&self.counts), ready: false, pending: false }
    }
}

impl Service<u64> for Inner {
    type Response = u64;
    type Error = Fail;
    type Future = Reply;

    /// Now and then it takes a second poll.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fail>> {
        if !self.ready && !self.pending && mix(self.counts.asked.fetch_add(1, SeqCst)).is_multiple_of(64) {
            self.pending = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.pending = false;
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Reply {
        let counts = &self.counts;
        if !std::mem::take(&mut self.ready) {
            counts.violations.fetch_add(1, SeqCst);
        }
        let act = counts.act(request, counts.calls.fetch_add(1, SeqCst));
        if let Act::PanicInCall = act {
            counts.panicked.fetch_add(1, SeqCst);
            // Without the hook, whose message would be written 100,000 times.
            resume_unwind(Box::new("scripted"));
        }
        counts.in_flight.fetch_add(1, SeqCst);
        let sleep = match act {
            Act::Slow(time) => Some(Box::pin(tokio::time::sleep(time))),
            _ => None,
        };
        Reply { counts: Arc::clone(counts), act, request, sleep, ended: false }
    }
}

#[derive(Debug)]
pub struct Reply {
    counts: Arc<Counts>,
    act: Act,
    request: u64,
    sleep: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl Reply {
    fn end(&mut self, count: impl Fn(&Counts) -> &AtomicU64) {
        self.ended = true;
        self.counts.in_flight.fetch_sub(1, SeqCst);
        count(&self.counts).fetch_add(1, SeqCst);
    }
}

impl Future for Reply {
    type Output = Result<u64, Fail>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
        }
        match &mut self.act {
            Act::Hang => return Poll::Pending,
            Act::Ok(polls @ 1..) => {
                *polls -= 1;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Act::Broken => {
                self.end(|counts| &counts.broken);
                return Poll::Ready(Err(Fail::Broken));
            }
            Act::TooMany => {
                self.end(|counts| &counts.too_many);
                return Poll::Ready(Err(Fail::TooMany));
            }
            Act::PanicInPoll | Act::PanicInCall => {
                self.end(|counts| &counts.panicked);
                resume_unwind(Box::new("scripted"));
            }
            Act::Ok(_) | Act::Slow(_) => {}
        }
        self.end(|counts| &counts.ok);
        Poll::Ready(Ok(self.request))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.ended {
            self.end(|counts| &counts.dropped);
        }
    }
}
