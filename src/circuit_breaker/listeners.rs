use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::event::CircuitEvent;
use crate::sync::{Arc, Condvar, Mutex, PoisonError, lock, thread};

/// Who wants to know of transitions.
#[derive(Debug, Default)]
pub(super) struct Listeners(Mutex<Vec<Arc<Listener>>>);

struct Listener {
    on_event: Box<dyn Fn(&CircuitEvent) + Send + Sync>,
    gate: Mutex<Gate>,
    done: Condvar,
}

/// Whether a listener may be called, and whether it is being called.
#[derive(Debug)]
struct Gate {
    is_subscribed: bool,
    runs_on: Option<thread::ThreadId>,
}

impl Listeners {
    pub(super) fn add(this: &Arc<Self>, on_event: Box<dyn Fn(&CircuitEvent) + Send + Sync>) -> Subscription {
        let gate = Mutex::new(Gate { is_subscribed: true, runs_on: None });
        let listener = Arc::new(Listener { on_event, gate, done: Condvar::new() });
        lock(&this.0).push(Arc::clone(&listener));
        Subscription { listeners: Arc::clone(this), listener, is_kept: false }
    }

    /// Calls all of them, one after the other, without a lock. Only one thread at a time.
    pub(super) fn call(&self, event: &CircuitEvent) {
        let all = lock(&self.0).clone();
        for listener in all {
            listener.call(event);
        }
    }
}

impl Listener {
    fn call(&self, event: &CircuitEvent) {
        {
            let mut gate = lock(&self.gate);
            if !gate.is_subscribed {
                return;
            }
            gate.runs_on = Some(thread::current().id());
        }
        // The call that happened to change the state must not fail because of who listens, and the other
        // listeners want to know too.
        if catch_unwind(AssertUnwindSafe(|| (self.on_event)(event))).is_err() {
            tracing::error!(name = %event.name, "a listener of a circuit breaker panicked");
        }
        lock(&self.gate).runs_on = None;
        self.done.notify_all();
    }

    fn unsubscribe(&self) {
        let mut gate = lock(&self.gate);
        gate.is_subscribed = false;
        // From within the listener itself, there is nothing to wait for.
        while gate.runs_on.is_some_and(|thread| thread != thread::current().id()) {
            gate = self.done.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// Keeps a listener subscribed. Made by [`CircuitBreaker::subscribe`](super::CircuitBreaker::subscribe).
///
/// When it is dropped, the listener is called no more. If it is just being called on another thread, the drop
/// waits until that call returns; so do not drop it while holding a lock that the listener takes.
#[derive(Debug)]
#[must_use = "dropping it ends the subscription; `keep` leaves it in place"]
pub struct Subscription {
    listeners: Arc<Listeners>,
    listener: Arc<Listener>,
    is_kept: bool,
}

impl Subscription {
    /// Leaves the listener in place for as long as there is a handle, a layer or a service of the breaker.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if !self.is_kept {
            lock(&self.listeners.0).retain(|listener| !Arc::ptr_eq(listener, &self.listener));
            self.listener.unsubscribe();
        }
    }
}
