//! Only so many duplicates are reported in all, those of other tests included.

use buttress::Bulkhead;
use buttress::registry::{Event, Registry};

use super::alone;

/// What was told of this stack, once somebody has looked.
fn told(stack: &str) -> Vec<Event> {
    let mut events = Registry::global().snapshot().events;
    events.retain(|event| event.engine.is_some_and(|engine| engine.stack.as_str() == stack));
    events
}

#[test]
fn duplicates_are_reported_once() {
    let _alone = alone();
    let _first = Bulkhead::new(1).named("twin");
    assert!(told("twin").is_empty());
    let _others = [(); 2].map(|()| Bulkhead::new(1).named("twin"));
    for _ in 0..2 {
        let kinds: Vec<_> = told("twin").into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds, ["duplicate"]);
    }
}

#[test]
fn a_layer_made_per_request_is_reported_once() {
    let _alone = alone();
    let _first = Bulkhead::new(1).named("per-request");
    for _ in 0..50 {
        let _per_request = Bulkhead::new(1).named("per-request");
        assert_eq!(told("per-request").len(), 1);
    }
}
