//! Of what tells who listens.

use super::{Area, Weak, Wrong};

pub(super) const AREA: Area = Area { wrong: WRONG, weak: WEAK };

const WRONG: &[Wrong] = &[
    [
        "who unsubscribes waits for nobody",
        "circuit_breaker/listeners.rs",
        "fn unsubscribe",
        "while gate.runs_on",
        "while !$bug && gate.runs_on",
    ],
    [
        "who unsubscribed is called all the same",
        "circuit_breaker/listeners.rs",
        "fn call(&self, event: &CircuitEvent) {\n        {",
        "if !gate.is_subscribed {",
        "if !gate.is_subscribed && !$bug {",
    ],
    [
        "two deliver at once",
        "algo/breaker/outbox.rs",
        "fn begin",
        "!self.is_delivering &&",
        "($bug || !self.is_delivering) &&",
    ],
    [
        "who delivered the last one does not say so",
        "algo/breaker/outbox.rs",
        "fn next",
        "= next.is_some();",
        "= next.is_some() || $bug;",
    ],
    [
        "what comes while it delivers is left",
        "circuit_breaker/delivery.rs",
        "fn finish",
        "tell(queued);",
        "tell(queued);
            if $bug {
                break;
            }",
    ],
    [
        "listeners are held for ever",
        "circuit_breaker/audience.rs",
        "fn let_go",
        "lock(&self.held).take();",
        "lock(&self.held).take_if(|_| !$bug);",
    ],
    [
        "only those are told that are held",
        "circuit_breaker/audience.rs",
        "fn get",
        "self.known.upgrade()",
        "if $bug { lock(&self.held).clone() } else { self.known.upgrade() }",
    ],
];

const WEAK: &[Weak] = &[];
