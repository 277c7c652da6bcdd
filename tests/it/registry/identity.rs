use buttress::registry::Registry;
use buttress::{
    Bulkhead, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Quota, RateLimitLayer,
    RetryLayer, RetryPolicy, TimeoutLayer, client_stack,
};

use super::*;

fn who(stack: &str) -> Vec<(&'static str, &'static str)> {
    shown(stack).iter().map(|engine| (engine.identity.layer, engine.identity.name.as_str())).collect()
}

#[test]
fn every_engine_is_there_while_it_lives_and_not_longer() {
    let engines = one_of_each("lives");
    let layers: Vec<_> = who("lives").into_iter().map(|(layer, _)| layer).collect();
    let expected = [
        "circuit_breaker",
        "bulkhead",
        "rate_limit",
        "rate_limit",
        "retry",
        "retry_budget",
        "timeout",
        "fallback",
    ];
    // The retry's own budget is a ninth, made before it.
    assert_eq!(layers.iter().filter(|layer| **layer == "retry_budget").count(), 2);
    assert!(expected.iter().all(|layer| layers.contains(layer)), "{layers:?}");
    let handle = engines[1].clone();
    drop(engines);
    assert_eq!(shown_once("lives", 1)[0].identity.layer, "bulkhead");
    drop(handle);
    shown_once("lives", 0);
}

#[test]
fn layers_say_which_stack_they_belong_to() {
    const STACK: &str = "layers-in-a-stack";
    let _parts = (
        TimeoutLayer::new(SECOND).name("total").stack(STACK),
        RetryLayer::new(RetryPolicy::default()).name("again").stack(STACK),
        CircuitBreakerLayer::new(CircuitBreakerConfig::default()).name("breaker").stack(STACK),
        BulkheadLayer::new(1).name("bulkhead").stack(STACK),
        RateLimitLayer::new(Quota::per_second(1)).name("quota").stack(STACK),
        RateLimitLayer::per_key(Quota::per_second(1), |request: &u64| Some(*request))
            .name("keys")
            .stack(STACK),
        FallbackLayer::value(0_u64).name("instead").stack(STACK),
    );
    assert_eq!(
        who(STACK),
        [
            ("timeout", "total"),
            ("retry_budget", "again"),
            ("retry", "again"),
            ("circuit_breaker", "breaker"),
            ("bulkhead", "bulkhead"),
            ("rate_limit", "quota"),
            ("rate_limit", "keys"),
            ("fallback", "instead"),
        ]
    );
}

#[test]
fn the_parts_of_a_stack_are_in_it() {
    let stack = client_stack("in-it");
    assert_eq!(who("in-it").len(), 6);
    drop(stack);
    shown_once("in-it", 0);
}

#[test]
fn who_has_no_stack_is_shown_under_its_own_name() {
    let _lone = Bulkhead::new(1).named("lone");
    assert_eq!(who("lone"), [("bulkhead", "lone")]);
}

#[test]
fn duplicates_are_told_apart() {
    let first = Bulkhead::new(1).named("twin");
    assert_eq!(who("twin"), [("bulkhead", "twin")]);
    let second = Bulkhead::new(1).named("twin");
    let third = Bulkhead::new(1).named("twin");
    assert_eq!(who("twin"), [("bulkhead", "twin"), ("bulkhead", "twin#2"), ("bulkhead", "twin#3")]);
    let marked: Vec<_> = shown("twin").iter().map(|engine| engine.is_duplicate).collect();
    assert_eq!(marked, [false, true, true]);
    // Whoever stays keeps its label: its counters must not seem to jump.
    drop(second);
    shown_once("twin", 2);
    assert_eq!(who("twin"), [("bulkhead", "twin"), ("bulkhead", "twin#3")]);
    let again = Bulkhead::new(1).named("twin");
    assert_eq!(who("twin")[2].1, "twin#2");
    assert_eq!(third.identity().name.as_str(), "twin#3");
    // What a caller gets to see is the name that was given.
    assert_eq!(third.name().as_str(), "twin");
    drop((first, again));
}

#[test]
fn the_same_name_in_another_layer_or_stack_is_no_duplicate() {
    let _engines = one_of_each("same-name").map(|engine| match engine {
        Engine::Bulkhead(bulkhead) => Engine::Bulkhead(bulkhead.named("one")),
        other => other,
    });
    let _other = Bulkhead::new(1).named("one").in_stack("another-stack");
    assert!(shown("same-name").iter().all(|engine| !engine.is_duplicate));
    assert!(shown("another-stack").iter().all(|engine| !engine.is_duplicate));
}

#[test]
fn a_new_name_is_looked_at_anew() {
    let _first = Bulkhead::new(1).named("renamed");
    let second = Bulkhead::new(1).named("renamed");
    assert_eq!(who("renamed").len(), 2);
    let second = second.named("renamed-to");
    assert_eq!(who("renamed-to"), [("bulkhead", "renamed-to")]);
    assert!(!second.identity().name.as_str().contains('#'));
}

#[test]
fn looking_for_what_is_not_there_makes_nothing() {
    let _there = Bulkhead::new(1).named("there");
    for (stack, layer, name) in [
        ("there", "bulkhead", "elsewhere"),
        ("there", "timeout", "there"),
        ("elsewhere", "bulkhead", "there"),
    ] {
        assert!(Registry::global().find(stack, layer, name).is_none());
    }
    assert!(Registry::global().find("there", "bulkhead", "there").is_some());
    assert_eq!(who("there").len(), 1);
    assert!(who("elsewhere").is_empty());
}

#[test]
fn a_fork_is_in_no_stack_yet() {
    let fork = Bulkhead::new(1).in_stack("forked").fork("of-forked");
    assert_eq!(who("of-forked"), [("bulkhead", "of-forked")]);
    drop(fork);
}

#[test]
fn who_is_named_while_somebody_looks_has_its_name() {
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                drop(Registry::global().engines());
            }
        });
        for _ in 0..3_000 {
            let named = Bulkhead::new(1).named("named-late");
            assert_eq!(named.identity().name, "named-late");
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        looks.join().unwrap();
    });
}
