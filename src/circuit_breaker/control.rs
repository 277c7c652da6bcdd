//! What is done by hand, and who wants to know.

use std::time::Duration;

use super::engine::CircuitBreaker;
use super::event::CircuitEvent;
use super::listeners::{Listeners, Subscription};
use crate::clock;
use crate::units::Instant;

impl CircuitBreaker {
    /// Holds it open by hand, until [`automatic`](Self::automatic) or [`reset`](Self::reset).
    #[doc(alias = "force_open")]
    #[doc(alias = "trip")]
    pub fn isolate(&self) {
        self.0.finish(self.0.shell.isolate(Instant::NEVER, clock::now()));
    }

    /// Holds it open by hand for this time. The first call after that finds it closed.
    pub fn isolate_for(&self, time_to_live: Duration) {
        let now = clock::now();
        self.0.finish(self.0.shell.isolate(now.saturating_add(time_to_live), now));
    }

    /// Lets everything through and records nothing, until [`automatic`](Self::automatic) or
    /// [`reset`](Self::reset). Calls are counted all the same.
    #[doc(alias = "disable")]
    #[doc(alias = "force_closed")]
    pub fn bypass(&self) {
        self.0.finish(self.0.shell.bypass(Instant::NEVER, clock::now()));
    }

    /// Lets everything through and records nothing for this time. The first call after that finds it closed.
    pub fn bypass_for(&self, time_to_live: Duration) {
        let now = clock::now();
        self.0.finish(self.0.shell.bypass(now.saturating_add(time_to_live), now));
    }

    /// Ends [`isolate`](Self::isolate) and [`bypass`](Self::bypass): closed, with an empty window. Without
    /// either, it changes nothing.
    pub fn automatic(&self) {
        self.0.finish(self.0.shell.automatic(clock::now()));
    }

    /// Closes it and forgets what was recorded, also when it is closed. Counts since the beginning stay.
    #[doc(alias = "force_close")]
    #[doc(alias = "close")]
    pub fn reset(&self) {
        self.0.finish(self.0.shell.reset(clock::now()));
    }

    /// Calls this whenever the state changes, until the [`Subscription`] is dropped.
    ///
    /// The events come in order, one at a time, on the thread of a call that changed the state or of one
    /// shortly before it. No lock is held meanwhile: a listener may use the breaker, and a slow one holds up
    /// that one call and the listeners after it, not other calls. A listener that panics is passed over.
    ///
    /// ```
    /// use buttress::{CircuitBreaker, CircuitBreakerConfig, CircuitState};
    /// use tokio::sync::mpsc;
    ///
    /// let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
    /// let (sender, mut receiver) = mpsc::unbounded_channel();
    /// let subscription = breaker.subscribe(move |event| drop(sender.send(event.to)));
    /// breaker.isolate();
    /// breaker.reset();
    /// drop(subscription);
    /// breaker.isolate();
    /// let seen: Vec<_> = std::iter::from_fn(|| receiver.blocking_recv()).collect();
    /// assert_eq!(seen, [CircuitState::Open, CircuitState::Closed]);
    /// ```
    pub fn subscribe(&self, on_event: impl Fn(&CircuitEvent) + Send + Sync + 'static) -> Subscription {
        #[expect(clippy::expect_used, reason = "this is a handle, and as long as there is one they are held")]
        let listeners = self.0.audience.get().expect("held");
        Listeners::add(&listeners, Box::new(on_event))
    }
}
