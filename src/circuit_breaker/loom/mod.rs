#![allow(clippy::arithmetic_side_effects, reason = "a model that overflows fails, as it should")]

pub(crate) mod audience;

use super::audience::Audience;
use super::delivery;
use super::event::CircuitEvent;
use super::listeners::{Listeners, Subscription};
use crate::algo::breaker::loom::{at, settings, shell};
use crate::algo::breaker::{After, CircuitState, Shell};
use crate::model::{Log, Model, Shared, Twin, join, spawn};
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::units::Instant;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "listeners: unsubscribed against a delivery",
        threads: 2,
        check: unsubscribed_against_a_delivery,
        twins: &[
            Twin { bug: "who unsubscribes waits for nobody", fails_with: "called after it was unsubscribed" },
            Twin {
                bug: "who unsubscribed is called all the same",
                fails_with: "called after it was unsubscribed",
            },
        ],
    },
    Model {
        name: "listeners: two transitions at once",
        threads: 2,
        check: two_transitions_at_once,
        twins: &[
            Twin { bug: "two deliver at once", fails_with: "two calls at once" },
            Twin { bug: "who delivered the last one does not say so", fails_with: "not told of all" },
        ],
    },
];

/// A breaker with its listeners, and what happened to them.
struct Breaker {
    shell: Shell,
    audience: Audience,
    log: Shared<Log<Entry>>,
    /// What the listener does, and others meanwhile.
    work: Shared<AtomicU64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    Begins(CircuitState, CircuitState),
    Ends,
    Unsubscribed,
}

/// With one listener.
fn breaker() -> (Shared<Breaker>, Subscription) {
    let (audience, log) = (Audience::new(), Log::new());
    let work = Shared::new(AtomicU64::new(0));
    let (told, busy) = (Shared::clone(&log), Shared::clone(&work));
    let listener = move |event: &CircuitEvent| {
        let transition = event.queued.transition;
        told.push(Entry::Begins(transition.from, transition.to));
        busy.fetch_add(1, Relaxed);
        told.push(Entry::Ends);
    };
    let subscription = subscribe(&audience, listener);
    (Shared::new(Breaker { shell: shell(settings()), audience, log, work }), subscription)
}

fn subscribe(audience: &Audience, listener: impl Fn(&CircuitEvent) + Send + Sync + 'static) -> Subscription {
    Listeners::add(&audience.get().expect("held"), Box::new(listener))
}

/// As the breaker does after each step.
fn finish(breaker: &Breaker, after: After) {
    delivery::finish(&breaker.shell, after, |queued| {
        breaker.audience.tell(&CircuitEvent { name: "", queued });
    });
}

fn isolate(breaker: &Breaker) {
    finish(breaker, breaker.shell.isolate(Instant::NEVER, at(0)));
}

/// Once it is unsubscribed, it is not called any more, and no call of it is under way.
fn unsubscribed_against_a_delivery() {
    let (breaker, subscription) = breaker();
    let thread = spawn(0, &breaker, isolate);
    drop(subscription);
    breaker.work.fetch_add(1, Relaxed);
    breaker.log.push(Entry::Unsubscribed);
    join(thread);
    let log = breaker.log.all();
    assert_eq!(log.last(), Some(&Entry::Unsubscribed), "called after it was unsubscribed");
    assert!(log.len() == 1 || log.len() == 3, "{log:?}");
}

/// All are told of, in order and one at a time, by whichever thread.
fn two_transitions_at_once() {
    let (breaker, subscription) = breaker();
    let thread = spawn(0, &breaker, isolate);
    finish(&breaker, breaker.shell.reset(at(0)));
    join(thread);
    finish(&breaker, breaker.shell.bypass(Instant::NEVER, at(0)));
    drop(subscription);
    let log = breaker.log.all();
    let mut state = CircuitState::Closed;
    for pair in log.chunks(2) {
        let [Entry::Begins(from, to), Entry::Ends] = pair else { panic!("two calls at once: {log:?}") };
        assert_eq!(*from, state, "out of order: {log:?}");
        state = *to;
    }
    // Isolated, reset if that came after it, and bypassed.
    assert!(log.len() == 4 || log.len() == 6, "not told of all: {log:?}");
}
