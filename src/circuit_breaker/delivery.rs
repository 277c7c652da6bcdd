//! What a step left to be done without the lock.

use std::task::Waker;

use crate::algo::breaker::{After, Queued, Shell};

/// Wakes who waits, and tells of transitions: in order, and by one thread at a time.
pub(super) fn finish(shell: &Shell, After { wakers, deliver }: After, mut tell: impl FnMut(Queued)) {
    let delivery = deliver.then(|| Delivery(shell));
    wakers.into_values().for_each(Waker::wake);
    if delivery.is_some() {
        while let Some(queued) = shell.next_transition() {
            tell(queued);
        }
    }
    std::mem::forget(delivery);
}

/// Lets others deliver if a waker or a log panics.
struct Delivery<'a>(&'a Shell);

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
