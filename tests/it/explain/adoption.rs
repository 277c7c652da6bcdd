use buttress::explain::{Foreign, Part, PartInfo};
use buttress::registry::{Engine, Registry};
use buttress::{
    BudgetConfig, Bulkhead, BulkheadLayer, CircuitEvent, FallbackLayer, Quota, RateLimitLayer, RetryBudget,
    RetryLayer, RetryPolicy, TimeoutLayer, client_stack, server_stack,
};
use tower::Layer;

use super::SECOND;
use crate::support::registered::{shown, shown_once};
use crate::support::{Strict, call};

fn who(stack: &str) -> Vec<(&'static str, &'static str)> {
    shown(stack).iter().map(|engine| (engine.identity.layer, engine.identity.name.as_str())).collect()
}

/// Owner and runbook of so many engines of the stack; the same for all.
fn looked_after(stack: &str, count: usize) -> (Option<&'static str>, Option<&'static str>) {
    let all: Vec<_> = shown_once(stack, count)
        .iter()
        .map(|engine| {
            [engine.identity.owner, engine.identity.runbook].map(|text| text.map(|text| text.as_str()))
        })
        .collect();
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
    (all[0][0], all[0][1])
}

#[test]
fn all_parts_carry_owner_and_runbook() {
    let stack = client_stack("owned").owner("team-pay").runbook(String::from("https://wiki/owned"));
    // The budget too.
    assert_eq!(looked_after("owned", 6), (Some("team-pay"), Some("https://wiki/owned")));

    // What comes later gets them as well, and what is said later counts.
    let stack = stack
        .rate_limit(RateLimitLayer::new(Quota::per_second(100)))
        .fallback(FallbackLayer::value(7_u64))
        .retry(RetryLayer::new(RetryPolicy::default()))
        .owner("team-money");
    assert_eq!(looked_after("owned", 8), (Some("team-money"), Some("https://wiki/owned")));

    let _server = server_stack("shop-front").owner("team-shop");
    assert_eq!(looked_after("shop-front", 2), (Some("team-shop"), None));
    drop(stack);
}

#[test]
fn an_event_carries_owner_and_runbook() {
    let stack = client_stack("told").owner("team-pay").runbook("https://wiki/told");
    let (sender, receiver) = std::sync::mpsc::channel();
    stack
        .circuit_breaker
        .breaker()
        .subscribe(move |event: &CircuitEvent| sender.send(*event).unwrap())
        .keep();
    stack.circuit_breaker.breaker().isolate();
    let event = receiver.recv().unwrap();
    let text = |name: Option<buttress::Name>| name.map(buttress::Name::as_str);
    assert_eq!((text(event.owner), text(event.runbook)), (Some("team-pay"), Some("https://wiki/told")));
    let noted = Registry::global().events();
    let noted = noted.iter().filter_map(|event| event.engine).find(|engine| engine.stack == *"told").unwrap();
    assert_eq!((text(noted.owner), text(noted.runbook)), (Some("team-pay"), Some("https://wiki/told")));
}

#[test]
fn a_part_without_a_name_is_named_after_its_place_in_the_stack() {
    let stack = client_stack("naming")
        .attempt_timeout(TimeoutLayer::new(SECOND))
        .bulkhead(BulkheadLayer::new(8))
        .rate_limit(RateLimitLayer::new(Quota::per_second(100)).name("their quota"));
    shown_once("naming", 7);
    let mut names = who("naming");
    names.sort_unstable();
    assert_eq!(
        names,
        [
            ("bulkhead", "naming"),
            ("circuit_breaker", "naming"),
            ("rate_limit", "their quota"),
            ("retry", "naming"),
            ("retry_budget", "naming"),
            ("timeout", "naming/attempt"),
            ("timeout", "naming/total"),
        ]
    );
    drop(stack);
}

#[test]
fn what_belongs_to_another_stack_stays_there() {
    let shared = BulkheadLayer::new(8);
    let first = client_stack("first of two").owner("team-one").bulkhead(shared.clone());
    let second = client_stack("second of two").owner("team-two").bulkhead(shared.clone());
    let identity = shared.bulkhead().identity();
    assert_eq!((identity.stack.as_str(), identity.owner.unwrap().as_str()), ("first of two", "team-one"));
    // By hand it counts for more.
    let third = client_stack("third of two").bulkhead(shared.clone().stack("by hand"));
    assert_eq!(shared.bulkhead().identity().stack.as_str(), "by hand");
    drop((first, second, third));
}

#[test]
fn a_part_that_was_assigned_is_adopted_when_the_stack_is_used() {
    let (inner, _probe) = Strict::ok();
    let mut stack = client_stack("assigned").owner("team-pay");
    stack.bulkhead = BulkheadLayer::new(8);
    let _service = stack.layer(inner);
    let is = stack.bulkhead.bulkhead().identity();
    assert_eq!((is.stack.as_str(), is.name.as_str()), ("assigned", "assigned"));
    assert_eq!(is.owner.unwrap().as_str(), "team-pay");
}

#[test]
fn a_budget_that_others_use_is_not_adopted() {
    let budget = RetryBudget::new(BudgetConfig::default()).named("pool");
    let _stack =
        client_stack("with a pool").retry(RetryLayer::new(RetryPolicy::default()).budget(budget.clone()));
    assert_eq!(budget.identity().stack.as_str(), "pool");
}

#[tokio::test]
async fn a_layer_of_another_crate_is_passed_through() {
    let (inner, _probe) = Strict::ok();
    let limit = Foreign::new("tower's limit", tower::limit::ConcurrencyLimitLayer::new(8));
    assert!(format!("{limit:?}").contains("tower's limit"));
    let mut service = client_stack("with tower").bulkhead(limit).layer(inner);
    assert_eq!(call(&mut service, 1).await, Ok(1));
}

#[test]
fn a_layer_of_ones_own_has_its_engines_adopted() {
    #[derive(Clone)]
    struct Batches(Bulkhead);
    impl Part for Batches {
        fn describe(&self, tell: &mut dyn FnMut(PartInfo)) {
            tell(PartInfo::engine(Engine::Bulkhead(self.0.clone())));
        }
    }
    let bulkhead = Bulkhead::new(8);
    let _stack = client_stack("of ones own").bulkhead((Batches(bulkhead.clone()), TimeoutLayer::new(SECOND)));
    let is = bulkhead.identity();
    assert_eq!((is.stack.as_str(), is.name.as_str()), ("of ones own", "of ones own"));
    assert!(who("of ones own").contains(&("timeout", "of ones own")));
}
