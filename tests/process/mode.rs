//! The process-wide mode.

use std::time::Duration;

use buttress::registry::{Engine, Override, Registry};
use buttress::{Bulkhead, CircuitBreaker, CircuitBreakerConfig, Mode, TimeoutLayer, Verdict};
use tower::Layer;

use super::alone;
use super::woken::woken_by;

fn full(name: &'static str) -> (Bulkhead, impl Sized) {
    let bulkhead = Bulkhead::new(1).named(name);
    let permit = bulkhead.try_admit().unwrap();
    (bulkhead, permit)
}

fn off() -> Override {
    Override::new(Mode::Off)
}

#[test]
fn the_kill_switch_reaches_engines_that_are_there_and_that_come_later() {
    let _alone = alone();
    let (there, _held) = full("there");
    assert!(there.try_admit().is_err());
    Registry::global().set_mode(off().reason("INC-42").by("ada"));
    assert!(there.try_admit().is_ok());
    let (later, _held) = full("later");
    assert!(later.try_admit().is_ok());
    let snapshot = Registry::global().snapshot();
    let overridden = snapshot.overridden.unwrap();
    assert_eq!(
        (snapshot.mode, overridden.reason.as_str(), overridden.by.as_str()),
        (Mode::Off, "INC-42", "ada")
    );
    assert!(snapshot.engines.iter().all(|engine| engine.mode == Mode::Off && engine.overridden.is_none()));
    Registry::global().clear_mode("ada");
    assert!(there.try_admit().is_err());
    assert!(later.try_admit().is_err());
    let told: Vec<_> = Registry::global().events().into_iter().map(|event| event.message).collect();
    assert!(told.contains(&"mode set to off by ada: INC-42".to_owned()), "{told:?}");
    assert!(told.contains(&"mode off taken back by ada".to_owned()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_reaches_calls_whose_service_is_gone() {
    let _alone = alone();
    let slow = tower::service_fn(|()| async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        Ok::<_, buttress::BoxError>(())
    });
    let mut service = TimeoutLayer::new(Duration::from_millis(200)).name("gone").layer(slow);
    let call = tower::Service::call(service.ready().await.unwrap(), ());
    drop(service);
    let call = tokio::spawn(call);
    tokio::time::sleep(Duration::from_millis(20)).await;
    Registry::global().set_mode(off());
    assert!(call.await.unwrap().is_ok());
}

#[test]
fn to_enforce_as_ever_claims_no_end() {
    let _alone = alone();
    let enforce = Override::new(Mode::Enforce).time_to_live(Duration::from_secs(600));
    Registry::global().set_mode(enforce.reason("INC-44").by("eve"));
    assert!(Registry::global().snapshot().overridden.is_none());
    let told = Registry::global().events().pop().unwrap().message;
    assert_eq!(told, "mode set to enforce by eve: INC-44");
}

#[test]
fn of_the_process_and_the_engine_the_laxer_counts_and_an_override_more() {
    let _alone = alone();
    let (bulkhead, _held) = full("laxer");
    bulkhead.set_dry_run(true);
    let engine = Registry::global().find("laxer", "bulkhead", "laxer").unwrap();
    Registry::global().set_mode(Override::new(Mode::Enforce));
    assert_eq!(engine.mode(), Mode::DryRun);
    Registry::global().set_mode(off());
    assert_eq!(engine.mode(), Mode::Off);
    engine.set_override(Override::new(Mode::Enforce));
    assert_eq!(engine.mode(), Mode::Enforce);
    assert!(bulkhead.try_admit().is_err());
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_time_to_live() {
    let _alone = alone();
    let (bulkhead, _held) = full("ttl");
    Registry::global().set_mode(off().time_to_live(Duration::from_secs(60)).by("bob"));
    tokio::time::advance(Duration::from_secs(59)).await;
    assert!(bulkhead.try_admit().is_ok());
    assert_eq!(Registry::global().mode(), Mode::Off);
    let (later, _held) = full("ttl-later");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(bulkhead.try_admit().is_err());
    assert!(later.try_admit().is_err());
    assert_eq!(Registry::global().mode(), Mode::Enforce);
    let told: Vec<_> = Registry::global().events().into_iter().map(|event| event.message).collect();
    let told = told.split_at(told.len() - 2).1;
    let once = ["mode set to off for 60s by bob", "mode off is over, its time to live has passed"];
    assert_eq!(told, once, "told once, not by each engine");
}

#[tokio::test(start_paused = true)]
async fn who_waits_passes() {
    let _alone = alone();
    let breaker = CircuitBreaker::new(CircuitBreakerConfig::default()).named("waits");
    breaker.isolate();
    let waiter = breaker.clone();
    let waiting = tokio::spawn(async move { waiter.acquire().await.settle(Verdict::success()) });
    tokio::task::yield_now().await;
    Registry::global().set_mode(off());
    waiting.await.unwrap();
}

/// Nobody wakes it a second time.
#[tokio::test(start_paused = true)]
async fn whoever_is_woken_finds_the_mode_that_it_is_woken_for() {
    let _alone = alone();
    let enforce = |_: &Engine| Registry::global().clear_mode("test");
    woken_by(Mode::Off, enforce, |_| Registry::global().set_mode(off()));
}

#[test]
fn engines_made_while_it_is_switched_have_one_mode_or_the_other() {
    let _alone = alone();
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..2_000).map(|_| Bulkhead::new(1)).collect::<Vec<_>>()))
            .collect();
        for round in 0..200 {
            if round % 2 == 0 {
                Registry::global().set_mode(off());
            } else {
                Registry::global().clear_mode("");
            }
        }
        Registry::global().set_mode(off());
        let made: Vec<_> = makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect();
        assert!(made.iter().all(|bulkhead| bulkhead.snapshot().mode == Mode::Off));
        Registry::global().clear_mode("");
        assert!(made.iter().all(|bulkhead| bulkhead.snapshot().mode == Mode::Enforce));
    });
}

#[test]
fn engines_beyond_the_most_are_counted_and_switched() {
    let _alone = alone();
    let many: Vec<_> = (0..5_000).map(|_| Bulkhead::new(1).named("many")).collect();
    let snapshot = Registry::global().snapshot();
    assert_eq!(snapshot.engines.len(), 4_096);
    assert!(snapshot.unlisted >= 904, "{}", snapshot.unlisted);
    assert!(snapshot.duplicates >= 4_000);
    Registry::global().set_mode(off());
    assert!(many.iter().all(|bulkhead| bulkhead.snapshot().mode == Mode::Off));
    drop(many);
    assert!(
        !Registry::global()
            .engines()
            .iter()
            .any(|engine| matches!(engine, Engine::Bulkhead(b) if b.name().as_str() == "many"))
    );
}
