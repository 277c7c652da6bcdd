//! Calls that end in every way, interleaved at random by a seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use buttress::registry::Engine;

use crate::dice::Dice;
use crate::laws;
use crate::meddle::meddle;
use crate::modes::{Boxed, Built};
use crate::support::strict::Probe;
use crate::support::{Act, Fail, Strict, call};
use crate::tally::Seen;

const MS: Duration = Duration::from_millis(1);

/// What the service at the bottom does. Requests from [`HEALTHY`] on it answers.
fn mixed(request: u64) -> Act {
    if request >= HEALTHY {
        return Act::Ok;
    }
    match request % 14 {
        0 | 1 => Act::Err,
        2 => Act::After(50 * MS),
        3 => Act::ErrAfter(20 * MS),
        4 => Act::Hang,
        5 => Act::PanicInPoll,
        6 => Act::PanicInCall,
        7 | 8 => Act::Yield(2),
        _ => Act::Ok,
    }
}

pub const HEALTHY: u64 = 1_000_000;

/// A service that does so, and tells.
pub fn bottom(seen: &Seen) -> (Strict, Probe) {
    let seen = seen.clone();
    Strict::new(move |_, request| seen.act(mixed(request)))
}

/// Counts how often anybody was woken; how often it is held tells who may still be.
#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

type Call = Pin<Box<dyn Future<Output = Result<u64, Fail>>>>;

pub struct Traffic {
    stack: Boxed,
    engines: Vec<Engine>,
    probe: Probe,
    seen: Seen,
    may_panic_in_call: bool,
    calls: Vec<Call>,
    made: u32,
    woken: Arc<Woken>,
    dice: Dice,
}

impl Traffic {
    pub fn new(stack: Boxed, built: &Built, seed: u64) -> Self {
        Self {
            stack,
            engines: built.engines.clone(),
            probe: built.probes[0].clone(),
            seen: built.seen.clone(),
            may_panic_in_call: !built.has_worker,
            calls: Vec::new(),
            made: 0,
            woken: Arc::default(),
            dice: Dice::new(seed),
        }
    }

    /// So many calls.
    pub async fn run(mut self, what: &str, calls: u32, meddling: bool) {
        while self.made < calls {
            self.step(what, meddling).await;
        }
        self.probe.set_pending(false);
        // All that is not over is dropped, with whatever holds a waker or a timer.
        self.calls.clear();
        let Self { stack, woken, .. } = self;
        drop(stack);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(
            Arc::strong_count(&woken),
            1,
            "{what}: somebody still means to wake a call that was dropped"
        );
    }

    async fn step(&mut self, what: &str, meddling: bool) {
        match self.dice.below(20) {
            0..8 if self.calls.len() < 12 => self.start(),
            0..14 => {
                if let Some(call) = self.any() {
                    self.poll(call);
                }
            }
            14 | 15 => {
                if let Some(call) = self.any() {
                    self.seen.note("caller: dropped while it waits");
                    drop(self.calls.swap_remove(call));
                }
            }
            16 => {
                let pending = self.dice.below(2) == 0;
                self.probe.set_pending(pending);
            }
            17 if meddling && !self.engines.is_empty() => {
                let (engine, how) = (self.dice.below(self.engines.len() as u64) as usize, self.dice.roll());
                meddle(&self.engines[engine], how);
                let broken = laws::broken(&self.engines[engine].snapshot());
                assert_eq!(broken, None, "{what}");
            }
            _ => {
                let time = [Duration::ZERO, MS, 20 * MS, 100 * MS, 300 * MS, Duration::from_secs(3)];
                let time = time[self.dice.below(6) as usize];
                tokio::time::advance(time).await;
            }
        }
    }

    fn any(&mut self) -> Option<usize> {
        (!self.calls.is_empty()).then(|| self.dice.below(self.calls.len() as u64) as usize)
    }

    fn start(&mut self) {
        self.made += 1;
        let mut request = self.dice.below(10_000);
        if !self.may_panic_in_call && request % 14 == 6 {
            request -= 1;
        }
        let mut service = self.stack.clone();
        self.calls.push(Box::pin(async move { call(&mut service, request).await }));
        match self.dice.below(16) {
            0 => {
                self.seen.note("caller: dropped before its first poll");
                drop(self.calls.pop());
            }
            1..4 => {}
            _ => self.poll(self.calls.len() - 1),
        }
    }

    fn poll(&mut self, index: usize) {
        let waker = Waker::from(Arc::clone(&self.woken));
        let call = &mut self.calls[index];
        let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut Context::from_waker(&waker))));
        match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(result)) => self.seen.end(&result),
            Err(_) => self.seen.note("caller: panic"),
        }
        drop(self.calls.swap_remove(index));
    }
}

/// The scripted panics are caught; their messages would bury the ones that matter.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<&str>();
            if !text.is_some_and(|text| text.starts_with("scripted")) {
                hook(info);
            }
        }));
    });
}
