use super::event::CircuitEvent;
use super::listeners::Listeners;
use crate::sync::{Arc, Mutex, Weak, lock};

/// The breaker's own reference to its listeners: as long as it has handles it holds them, and after that it only knows
/// those that a [`Subscription`] holds. Memory of a breaker may stay longer than it is of use, and what listeners hold
/// shall not.
#[derive(Debug)]
pub(super) struct Audience {
    held: Mutex<Option<Arc<Listeners>>>,
    known: Weak<Listeners>,
}

impl Audience {
    pub(super) fn new() -> Self {
        let held = Arc::<Listeners>::default();
        Self { known: Arc::downgrade(&held), held: Mutex::new(Some(held)) }
    }

    pub(super) fn get(&self) -> Option<Arc<Listeners>> {
        self.known.upgrade()
    }

    /// Tells all of them.
    pub(super) fn tell(&self, event: &CircuitEvent) {
        if let Some(listeners) = self.get() {
            listeners.call(event);
        }
    }

    pub(super) fn let_go(&self) {
        let held = lock(&self.held).take();
        // Without the lock: with them goes what is the user's.
        drop(held);
    }
}
