//! What listeners and logs are told.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use buttress::{CircuitEvent, CircuitState};
use tokio::time::advance;

use super::*;
use crate::support::logs::logged;

/// All events from now on.
pub fn record(breaker: &CircuitBreaker) -> Arc<Mutex<Vec<CircuitEvent>>> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    breaker.subscribe(move |event| seen.lock().unwrap().push(*event)).keep();
    events
}

#[tokio::test(start_paused = true)]
async fn an_episode_is_told_in_a_few_lines() {
    let lines = logged(async {
        let breaker = CircuitBreaker::new(plain().trial_calls(4)).named("payments");
        feed(&breaker, "SSSSSFFFFF");
        (0..1_000).for_each(|_| drop(breaker.try_admit()));
        advance(10 * SECOND).await;
        feed(&breaker, "SFF");
        advance(10 * SECOND).await;
        feed(&breaker, "SSS");
    })
    .await;
    let begins = [
        "WARN buttress::circuit_breaker::event: circuit breaker opened: 5 of 10 failed: error 5 stack=payments",
        "DEBUG buttress::circuit_breaker::event: circuit breaker is half-open",
        "DEBUG buttress::circuit_breaker::event: circuit breaker opened again: 2 of 3 trial calls failed: error 2",
        "DEBUG buttress::circuit_breaker::event: circuit breaker is half-open",
        "INFO buttress::circuit_breaker::event: circuit breaker closed after 20.0s: opened 2 times, rejected 1000 calls",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:#?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    for field in ["reason=\"failure_rate\"", "failure_rate=0.5", "causes=error 5", "retry_after=10s"] {
        assert!(lines[0].contains(field), "{field} in {}", lines[0]);
    }
}

/// How many lines of these levels there are.
fn levels(lines: &[String]) -> [usize; 3] {
    ["WARN", "INFO", "ERROR"].map(|level| lines.iter().filter(|line| line.starts_with(level)).count())
}

#[tokio::test(start_paused = true)]
async fn an_episode_costs_one_warning_and_one_line_of_information_however_often_it_reopens() {
    let breaker = CircuitBreaker::new(one_trial());
    let lines = logged(async {
        feed(&breaker, &"F".repeat(10));
        for _ in 0..20 {
            advance(60 * SECOND).await;
            feed(&breaker, "F");
        }
        advance(60 * SECOND).await;
        feed(&breaker, "S");
    })
    .await;
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.opened, snapshot.episodes, snapshot.state), (21, 1, CircuitState::Closed));
    assert_eq!(levels(&lines), [1, 1, 0], "{lines:#?}");
    assert!(lines[0].starts_with("WARN") && lines[lines.len() - 1].contains("opened 21 times"), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_rejections_cost_no_line() {
    let breaker = opened(plain());
    let lines = logged(async { (0..100_000).for_each(|_| drop(breaker.try_admit())) }).await;
    assert_eq!((lines, breaker.snapshot().rejected), (Vec::new(), 100_000));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_does_by_hand_is_information() {
    let breaker = CircuitBreaker::new(plain());
    let lines = logged(async {
        breaker.isolate();
        breaker.automatic();
        breaker.bypass();
        breaker.reset();
    })
    .await;
    assert_eq!((levels(&lines), lines.len()), ([0, 4, 0], 4), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_is_in_the_span_of_the_caller_and_names_the_attempt() {
    use buttress::{Retry, RetryPolicy};
    use tracing::Instrument;

    let breaker = CircuitBreaker::new(plain().window(Window::last_calls(2)).min_calls(2));
    let lines = logged(async {
        let retry = Retry::new(RetryPolicy::default());
        let work = retry.run(|| async {
            let permit = breaker.try_admit().unwrap();
            permit.settle(Verdict::failure("timeout"));
            if breaker.state() == CircuitState::Open { Ok(()) } else { Err(io::Error::other("busy")) }
        });
        work.instrument(tracing::info_span!("order", id = 42)).await.unwrap();
    })
    .await;
    assert!(lines[0].starts_with("DEBUG order{id=42}: buttress::retry"), "{lines:#?}");
    assert!(lines[1].starts_with("WARN order{id=42}: buttress::circuit_breaker"), "{lines:#?}");
    assert!(lines.iter().all(|line| line.contains(" attempt=2 ")), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_event_of_closing_carries_the_totals() {
    let breaker = CircuitBreaker::new(one_trial());
    let events = record(&breaker);
    feed(&breaker, &"F".repeat(10));
    (0..7).for_each(|_| drop(breaker.try_admit()));
    advance(10 * SECOND).await;
    feed(&breaker, "F");
    advance(12 * SECOND).await;
    feed(&breaker, "S");
    let events = events.lock().unwrap();
    let last = events.last().unwrap();
    assert_eq!((events.len(), last.to, last.opened, last.rejected), (5, CircuitState::Closed, 2, 7));
    assert_eq!(last.not_closed_for, 22 * SECOND);
    // The next episode begins anew.
    drop(events);
    let events = record(&breaker);
    feed(&breaker, &"F".repeat(10));
    let event = events.lock().unwrap()[0];
    assert_eq!((event.opened, event.rejected), (1, 0));
}

#[test]
fn an_outage_is_told_by_the_row_of_failures() {
    let breaker =
        CircuitBreaker::new(plain().outage(buttress::circuit_breaker::Outage::new(3, Duration::ZERO)));
    let events = record(&breaker);
    feed(&breaker, "SFFF");
    let text = events.lock().unwrap()[0].to_string();
    assert_eq!(text, "circuit breaker opened: 3 failures in a row: error 3");

    // What failed before the last success is another story.
    breaker.reset();
    events.lock().unwrap().clear();
    let settle = |verdict| breaker.try_admit().unwrap().settle(verdict);
    settle(Verdict::failure("503"));
    settle(Verdict::success());
    (0..3).for_each(|_| settle(Verdict::failure("timeout")));
    let text = events.lock().unwrap()[0].to_string();
    assert_eq!(text, "circuit breaker opened: 3 failures in a row: timeout 3");
}

#[test]
fn cb_31_a_listener_that_panics_is_passed_over() {
    let breaker = CircuitBreaker::new(plain());
    let _bad = breaker.subscribe(|_| panic!("listener"));
    let events = record(&breaker);
    feed(&breaker, &"F".repeat(10));
    breaker.reset();
    assert_eq!(events.lock().unwrap().len(), 2);
    assert_eq!(breaker.state(), CircuitState::Closed);
    feed(&breaker, "S");
}

#[test]
fn cb_31_a_listener_may_use_the_breaker() {
    let breaker = CircuitBreaker::new(plain());
    let handle = breaker.clone();
    let _nested = breaker.subscribe(move |event| {
        assert_eq!(handle.snapshot().state, handle.state());
        if event.to == CircuitState::Open {
            handle.reset();
            let _second = handle.subscribe(|_| ());
        }
    });
    let events = record(&breaker);
    feed(&breaker, &"F".repeat(10));
    let seen: Vec<_> = events.lock().unwrap().iter().map(|event| event.to).collect();
    assert_eq!(seen, [CircuitState::Open, CircuitState::Closed]);
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[test]
fn a_listener_may_end_its_own_subscription() {
    let breaker = CircuitBreaker::new(plain());
    let slot = Arc::new(Mutex::new(None));
    let (own, calls) = (Arc::clone(&slot), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&calls);
    let subscription = breaker.subscribe(move |_| {
        count.fetch_add(1, SeqCst);
        drop(own.lock().unwrap().take());
    });
    *slot.lock().unwrap() = Some(subscription);
    breaker.isolate();
    breaker.reset();
    assert_eq!(calls.load(SeqCst), 1);
}

#[test]
fn a_listener_may_end_the_subscription_of_the_next() {
    let breaker = CircuitBreaker::new(plain());
    let slot = Arc::new(Mutex::new(None));
    let next = Arc::clone(&slot);
    let _first = breaker.subscribe(move |_| drop(next.lock().unwrap().take()));
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    *slot.lock().unwrap() = Some(breaker.subscribe(move |_| {
        count.fetch_add(1, SeqCst);
    }));
    let events = record(&breaker);
    breaker.isolate();
    assert_eq!((calls.load(SeqCst), events.lock().unwrap().len()), (0, 1));
}

#[test]
fn a_dropped_subscription_is_not_being_called_any_more() {
    let breaker = CircuitBreaker::new(plain());
    let (entered, has_entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let inside = Arc::new(AtomicU64::new(0));
    let now_inside = Arc::clone(&inside);
    let subscription = breaker.subscribe(move |_| {
        now_inside.store(1, SeqCst);
        entered.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        now_inside.store(0, SeqCst);
    });
    thread::scope(|scope| {
        scope.spawn(|| breaker.isolate());
        has_entered.recv().unwrap();
        let unsubscribe = scope.spawn(|| {
            drop(subscription);
            inside.load(SeqCst)
        });
        // Time enough to come back too early.
        let came_back = (0..10_000).any(|_| {
            thread::yield_now();
            unsubscribe.is_finished()
        });
        release.send(()).unwrap();
        assert!(!came_back);
        assert_eq!(unsubscribe.join().unwrap(), 0);
    });
}

/// A listener that takes its time: calls of other threads go on, and whoever ends the subscription waits.
#[test]
fn cb_31_a_listener_that_blocks_holds_up_one_thread() {
    let breaker = CircuitBreaker::new(plain());
    let (entered, has_entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let blocking = breaker.subscribe(move |_| {
        entered.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
    });
    thread::scope(|scope| {
        let slow = scope.spawn(|| breaker.isolate());
        has_entered.recv().unwrap();
        // The state has changed, and none of this waits.
        assert_eq!(breaker.snapshot().state, CircuitState::Open);
        assert!(breaker.try_admit().is_err());
        breaker.reset();
        feed(&breaker, "S");
        assert!(!slow.is_finished());
        let unsubscribe = scope.spawn(move || drop(blocking));
        release.send(()).unwrap();
        // Its second event, unless it was unsubscribed before.
        release.send(()).unwrap();
        slow.join().unwrap();
        unsubscribe.join().unwrap();
    });
    while has_entered.try_recv().is_ok() {}
    breaker.isolate();
    assert!(has_entered.try_recv().is_err());
}

#[test]
fn cb_32_events_are_a_chain() {
    let breaker = CircuitBreaker::new(plain());
    let chain = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&chain);
    let subscription = breaker.subscribe(move |event| {
        seen.lock().unwrap().push((event.from, event.to, event.merged));
    });
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    breaker.isolate();
                    breaker.reset();
                }
            });
        }
    });
    let recorded = chain.lock().unwrap().clone();
    assert!(recorded.windows(2).all(|pair| pair[0].1 == pair[1].0));
    assert_eq!(recorded.first().unwrap().0, CircuitState::Closed);
    assert_eq!(recorded.last().unwrap().1, breaker.state());
    // Nothing is lost without being told.
    let told: u64 = recorded.iter().map(|(_, _, merged)| 1 + merged).sum();
    assert_eq!(told, 2 * breaker.snapshot().opened);
    drop(subscription);
    breaker.isolate();
    assert_eq!(chain.lock().unwrap().len(), recorded.len());
}

#[test]
fn a_dropped_subscription_is_called_no_more_and_a_kept_one_is() {
    let breaker = CircuitBreaker::new(plain());
    let kept = record(&breaker);
    let calls = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&calls);
    let subscription = breaker.subscribe(move |_| {
        count.fetch_add(1, SeqCst);
    });
    breaker.isolate();
    drop(subscription);
    breaker.reset();
    assert_eq!((calls.load(SeqCst), kept.lock().unwrap().len()), (1, 2));
    // What nobody holds any more is gone.
    assert_eq!(Arc::strong_count(&calls), 1);
}

#[test]
fn a_transition_while_unwinding_is_told_too() {
    let breaker = CircuitBreaker::new(plain().cancelled_after(None).min_calls(1));
    let events = record(&breaker);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _permit = breaker.try_admit().unwrap();
        breaker.isolate();
        panic!("the inner service");
    }));
    assert!(caught.is_err());
    assert_eq!((events.lock().unwrap().len(), breaker.snapshot().panicked), (1, 1));
}

#[test]
fn calls_that_outlive_every_handle_are_told_to_who_is_still_subscribed() {
    for stays in [true, false] {
        let breaker = CircuitBreaker::new(plain().min_calls(1));
        let calls = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&calls);
        let subscription = breaker.subscribe(move |_| {
            count.fetch_add(1, SeqCst);
        });
        let subscription = if stays {
            Some(subscription)
        } else {
            subscription.keep();
            None
        };
        let permits: Vec<_> = (0..100).map(|_| breaker.try_admit().unwrap()).collect();
        drop(breaker);
        // The calls keep the breaker, but not what a listener holds that nobody can take back.
        assert_eq!(Arc::strong_count(&calls), 1 + usize::from(stays));
        permits.into_iter().for_each(|permit| permit.settle(Verdict::failure("error")));
        assert_eq!(calls.load(SeqCst), u64::from(stays));
        drop(subscription);
        assert_eq!(Arc::strong_count(&calls), 1);
    }
}
