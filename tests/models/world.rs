//! Paused time, and futures that are polled by hand.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use buttress::Mode;
use buttress::registry::{Engine, Override};
use tokio::runtime::{Builder, Runtime};

use crate::history::{Draw, ms};

/// A runtime whose time stands still unless told otherwise. In whole milliseconds, as timers go.
pub struct World {
    runtime: Runtime,
    pub now: u64,
}

impl World {
    /// A world of its own for one history.
    pub fn run<T>(history: impl FnOnce(Self) -> T) -> T {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let handle = runtime.handle().clone();
        let _entered = handle.enter();
        history(Self { runtime, now: 0 })
    }

    pub fn pass(&mut self, millis: u64) {
        self.now += millis;
        self.advance(ms(millis));
    }

    /// By any time, where there is no timer.
    pub fn advance(&self, time: Duration) {
        self.runtime.block_on(tokio::time::advance(time));
    }
}

/// A future, and whether it asked to be polled.
pub struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

impl<T> Task<T> {
    pub fn new(future: impl Future<Output = T> + 'static) -> Self {
        Self { future: Box::pin(future), woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    pub fn is_woken(&self) -> bool {
        self.woken.0.load(SeqCst)
    }

    pub fn poll(&mut self) -> Poll<T> {
        self.woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// Drops it in the course of a panic, which nobody reads about.
pub fn drop_by_panic<T>(value: T) {
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = value;
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err());
}

/// A mode, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Switched {
    mode: Mode,
    until: u64,
}

impl Switched {
    pub const ENFORCES: Self = Self { mode: Mode::Enforce, until: 0 };

    pub fn at(self, now: u64) -> Mode {
        self.over(Mode::Enforce, now)
    }

    /// It counts for more than the mode that the engine has of itself.
    pub fn over(self, own: Mode, now: u64) -> Mode {
        if now < self.until { self.mode } else { own }
    }
}

/// The order to switch an engine.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    mode: Mode,
    time_to_live: Option<u64>,
}

impl Switch {
    pub fn draw(draw: &mut Draw) -> Self {
        let mode = draw.one_of(&[Mode::Enforce, Mode::Enforce, Mode::DryRun, Mode::Off]);
        let time = 1 + draw.below(3_000);
        Self { mode, time_to_live: draw.one_of(&[None, Some(time)]) }
    }

    pub fn carry_out(self, engine: impl Into<Engine>, now: u64) -> Switched {
        let what = Override::new(self.mode);
        let until = self.time_to_live.map_or(u64::MAX, |time| now + time);
        let what = self.time_to_live.map_or(what.clone(), |time| what.time_to_live(ms(time)));
        engine.into().set_override(what);
        Switched { mode: self.mode, until }
    }
}
