//! Calls that end in every way, and whoever makes them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress::{CallError, Outcome, Verdict};
use tokio::time::{Sleep, advance, sleep};
use tower::Service;

use super::input::Input;

pub type Fail = CallError<Broken>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// Each request says what becomes of it.
#[derive(Clone, Debug)]
pub struct Scripted;

/// Answered at once, and a success.
pub const FINE: u64 = 0x20;

enum Act {
    Ok,
    Err,
    Hang,
    Panic,
}

impl Service<u64> for Scripted {
    type Response = u64;
    type Error = Fail;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fail>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Reply {
        let act = match request % 16 {
            0..=5 => Act::Ok,
            6..=11 => Act::Err,
            12..=13 => Act::Hang,
            14 => Act::Panic,
            // Without the hook that a fuzzer ends at.
            _ => resume_unwind(Box::new("scripted")),
        };
        let delay = if request & 0x100 == 0 { 0 } else { (request >> 16) % 20_000 };
        let sleep = (delay > 0).then(|| Box::pin(sleep(Duration::from_millis(delay))));
        Reply { act, request, sleep }
    }
}

pub struct Reply {
    act: Act,
    request: u64,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Future for Reply {
    type Output = Result<u64, Fail>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
        }
        match self.act {
            Act::Ok => Poll::Ready(Ok(self.request)),
            Act::Err => Poll::Ready(Err(CallError::Inner(Broken))),
            Act::Hang => Poll::Pending,
            Act::Panic => resume_unwind(Box::new("scripted")),
        }
    }
}

/// Answers are of all kinds too.
pub fn meaning(result: Result<&u64, &Fail>) -> Verdict {
    match result {
        Ok(answer) => match answer >> 4 & 0xf {
            0 => Verdict::throttled().after(Duration::from_millis(answer >> 40)),
            1 => Verdict::ignored("408"),
            _ => Verdict::success(),
        },
        Err(CallError::Rejected(rejected)) => Verdict::from(*rejected),
        Err(CallError::Inner(_)) => Verdict::failure("broken"),
    }
}

/// Whether the call passed and was answered well.
pub fn is_fine(result: &Result<u64, Fail>) -> bool {
    meaning(result.as_ref()).outcome() == Outcome::Success
}

type Call = Pin<Box<dyn Future<Output = Result<u64, Fail>>>>;

/// Up to a hundred steps: calls are made, polled again and dropped, time passes, and `act` has its turns. At the end
/// nobody waits any more.
pub async fn drive<S>(input: &mut Input<'_>, service: &mut S, mut act: impl FnMut(&mut Input<'_>))
where
    S: Service<u64, Response = u64, Error = Fail>,
    S::Future: 'static,
{
    let mut calls: Vec<Call> = Vec::new();
    for _ in 0..100 {
        if input.is_empty() {
            break;
        }
        let choice = input.byte();
        let which = calls.len().checked_sub(1).map(|last| usize::from(choice / 8) % (last + 1));
        match (choice % 8, which) {
            (0, Some(which)) => drop(calls.swap_remove(which)),
            (1 | 2, Some(which)) if poll(&mut calls[which]).is_ready() => drop(calls.swap_remove(which)),
            (1 | 2, Some(_)) => {}
            (3, _) => advance(input.pause()).await,
            (4, _) => act(input),
            _ => calls.extend(begin(service, input.number(), choice & 0x80 == 0)),
        }
    }
    while let Some(call) = calls.pop() {
        drop(call);
    }
}

/// The call, if it is not over at once. Some are made by who did not ask whether the service is ready.
fn begin<S>(service: &mut S, request: u64, asks: bool) -> Option<Call>
where
    S: Service<u64, Response = u64, Error = Fail>,
    S::Future: 'static,
{
    if asks {
        let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(!matches!(ready, Poll::Ready(Err(_))), "the service itself never fails that way");
    }
    let call = catch_unwind(AssertUnwindSafe(|| service.call(request))).ok()?;
    let mut call: Call = Box::pin(call);
    poll(&mut call).is_pending().then_some(call)
}

/// Ready also if it panicked.
fn poll(call: &mut Call) -> Poll<()> {
    let polled = || call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match catch_unwind(AssertUnwindSafe(polled)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(_)) | Err(_) => Poll::Ready(()),
    }
}

/// A call that is let through is answered well, and nothing holds it up.
pub async fn fine<S>(service: &mut S) -> Result<u64, Fail>
where
    S: Service<u64, Response = u64, Error = Fail>,
{
    std::future::poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(FINE).await
}
