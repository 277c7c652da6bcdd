use super::{Breaker, finish, isolate, subscribe};
use crate::algo::breaker::loom::{at, settings, shell};
use crate::algo::breaker::{CircuitState, Queued};
use crate::circuit_breaker::audience::Audience;
use crate::circuit_breaker::event::CircuitEvent;
use crate::model::{Log, Model, Shared, Twin, join, spawn};
use crate::sync::AtomicU64;

pub(crate) const MODELS: &[Model] = &[
    Model {
        name: "listeners: the last handle goes against a delivery",
        threads: 2,
        check: the_last_handle_goes,
        twins: &[Twin { bug: "listeners are held for ever", fails_with: "a listener stayed" }],
    },
    Model {
        name: "listeners: the last handle goes, and a subscription stays",
        threads: 2,
        check: the_last_handle_goes_and_a_subscription_stays,
        twins: &[Twin { bug: "only those are told that are held", fails_with: "not told" }],
    },
    Model {
        name: "listeners: subscribed against a delivery",
        threads: 2,
        check: subscribed_against_a_delivery,
        twins: &[Twin { bug: "what comes while it delivers is left", fails_with: "not told" }],
    },
];

/// Tells when it is dropped.
struct Held(Shared<Log<()>>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.push(());
    }
}

/// A breaker, what its listener was told, and whether that was dropped.
fn heard() -> (Breaker, Shared<Log<CircuitState>>, Shared<Log<()>>, super::Subscription) {
    let (audience, told, dropped) = (Audience::new(), Log::new(), Log::new());
    let subscription = listen(&audience, &told, &dropped);
    let work = Shared::new(AtomicU64::new(0));
    (Breaker { shell: shell(settings()), audience, log: Log::new(), work }, told, dropped, subscription)
}

fn listen(
    audience: &Audience,
    told: &Shared<Log<CircuitState>>,
    dropped: &Shared<Log<()>>,
) -> super::Subscription {
    let (told, held) = (Shared::clone(told), Held(Shared::clone(dropped)));
    subscribe(audience, move |event: &CircuitEvent| {
        let _held = &held;
        let Queued { transition, .. } = event.queued;
        told.push(transition.to);
    })
}

/// It is told or not, and what it holds goes with the last handle or with the delivery.
fn the_last_handle_goes() {
    let (breaker, told, dropped, subscription) = heard();
    subscription.keep();
    let breaker = Shared::new(breaker);
    let thread = spawn(0, &breaker, isolate);
    breaker.audience.let_go();
    join(thread);
    assert!(told.all().len() <= 1);
    assert_eq!(dropped.all().len(), 1, "a listener stayed");
    finish(&breaker, breaker.shell.reset(at(0)));
}

/// Who still holds the subscription is told, and what it holds goes with that.
fn the_last_handle_goes_and_a_subscription_stays() {
    let (breaker, told, dropped, subscription) = heard();
    let breaker = Shared::new(breaker);
    let thread = spawn(0, &breaker, isolate);
    breaker.audience.let_go();
    join(thread);
    assert_eq!(told.all(), [CircuitState::Open], "not told");
    assert_eq!(dropped.all().len(), 0);
    drop(subscription);
    assert_eq!(dropped.all().len(), 1, "a listener stayed");
}

/// Of what happens after it subscribed it is told, whoever delivers that.
fn subscribed_against_a_delivery() {
    let (breaker, _, _, former) = heard();
    drop(former);
    let breaker = Shared::new(breaker);
    let thread = spawn(0, &breaker, isolate);
    let (told, dropped) = (Log::new(), Log::new());
    let subscription = listen(&breaker.audience, &told, &dropped);
    finish(&breaker, breaker.shell.reset(at(0)));
    join(thread);
    assert_eq!(told.all().last(), Some(&breaker.shell.state()), "not told");
    drop(subscription);
}
