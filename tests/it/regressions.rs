//! What once went wrong, found by models, interleavings, the soak, fuzzing or by reading. What needs the inside of an
//! engine, or belongs to a suite, has its test there.
//!
//! | number | what went wrong | test |
//! |---|---|---|
//! | 01 | the event at the end of a bypass told of the episode before it | `rg_01_..` |
//! | 02 | the reset of a closed breaker was a transition | `rg_02_..` |
//! | 03 | a trial call that was dropped before its first poll could count as a failure | `rg_03_..` |
//! | 04 | a waker was dropped under the breaker's lock, and could not ask it anything | `rg_04_..` |
//! | 05 | the warning of an outbreak was lost when events were merged | `rg_05_..` |
//! | 06 | a bulkhead in a debug build panicked at the 262,144th call in a row that nobody cancelled | `rg_06_..` |
//! | 07 | a rate limit counted cells of calls that cost nothing, or that were dropped while they waited | `rg_07_..` |
//! | 08 | a dry run of a timeout counted a call twice that began after its caller's deadline | `rg_08_..` |
//! | 09 | a fallback that was off counted calls as withheld | `rg_09_..` |
//! | 10 | a permit stayed taken when a panic of the inner future was caught above | `a_panic_that_is_caught_releases_at_once` (contract) |
//! | 11 | those who waited for a cell waited on when a dry run began | `who_waits_when_a_dry_run_begins_passes_at_once` |
//! | 12 | an override that ended did not reach those who waited | `who_waits_passes_when_an_enforcing_override_ends` |
//! | 13 | a budget showed more tokens than its capacity while that was lowered | `a_snapshot_never_shows_more_than_the_capacity_while_that_changes` |
//! | 14 | when a key gives way went by its first use | `rl_21_a_key_that_was_used_again_gives_way_later_and_says_so` |
//! | 15 | a table that holds more than it may told of a place for a new key | `rl_22_a_table_that_holds_more_than_it_may_has_no_place_until_enough_keys_are_gone` |
//! | 16 | a snapshot told of more ends than calls, of more late results than results | the models of snapshots in `tests/loom` |
//! | 17 | `grpc-status: +14` was read as a status | `a_status_that_is_none_is_unknown`, and a file of `tests/corpus/headers` |
//! | 18 | who waited for a breaker waited for ever if another call found out in the same moment that an enforcing override was over | the model `modes: who waits against another who finds that one is over` in `tests/loom` |
//! | 19 | the clock could go back when two threads saw at once how far its counter had been ahead | the model `clock: two see the counter ahead` in `tests/loom` |
//! | 20 | a snapshot told of trial calls in flight that had ended, or were not counted yet | the model `breaker: a snapshot against a trial call` in `tests/loom` |
//! | 21 | a snapshot told of more calls that a dry run let through than of calls | the model `breaker: a snapshot against a dry run` in `tests/loom` |
//! | 22 | a larger quota did not reach calls that waited behind one that nobody had polled | `rg_22_..` |
//! | 23 | a breaker counted a call as in flight for ever if a log or a waker panicked when it was let in, or ended | `rg_23_..` |
//! | 24 | who gave up waiting for a key without a place was counted as a call of such a key | `rg_24_..` |
//! | 25 | who left the queue of a bulkhead by key without a place was counted as a call of such a key | `rg_25_..` |
//! | 26 | the cells of a limit could go down for a moment, by a call that cost nothing | `rg_26_..` |
//! | 27 | who was refused by a limit while the service was not ready was not told to wait for those ahead, nor, at no cost, to wait at all | `rg_27_..`, `having_answered_ready_it_stays_so_and_then_rejects` |

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use buttress::circuit_breaker::{CircuitReason, Window};
use buttress::deadline::{Deadline, scope};
use buttress::registry::{Engine, Override};
use buttress::{
    BoxError, Bulkhead, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, CircuitEvent,
    CircuitState, FallbackLayer, KeyedBulkhead, KeyedCircuitBreaker, Mode, Quota, RateLimitLayer,
    RateLimiter, Replay, Timeout, Verdict,
};
use tokio::time::advance;
use tower::{Layer, Service, service_fn};

use crate::support::{Strict, poll_once, poll_ready, rejection};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Opens at the second failure for 10 s; one trial call decides.
fn breaker() -> CircuitBreaker {
    CircuitBreaker::new(
        CircuitBreakerConfig::default()
            .window(Window::last_calls(10))
            .min_calls(2)
            .outage(None)
            .open_time(10 * SECOND)
            .open_time_cap(10 * SECOND)
            .open_time_jitter(0.0)
            .trial_calls(1)
            .trial_successes(1),
    )
}

fn settle(breaker: &CircuitBreaker, verdict: Verdict) {
    breaker.try_admit().unwrap().settle(verdict);
}

fn fail_twice(breaker: &CircuitBreaker) {
    (0..2).for_each(|_| settle(breaker, Verdict::failure("error")));
}

/// The events of a breaker from now on.
fn events(breaker: &CircuitBreaker) -> Arc<Mutex<Vec<CircuitEvent>>> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    breaker.subscribe(move |event| seen.lock().unwrap().push(*event)).keep();
    events
}

#[tokio::test(start_paused = true)]
async fn rg_01_the_end_of_a_bypass_tells_of_the_bypass() {
    let breaker = breaker();
    let events = events(&breaker);
    fail_twice(&breaker);
    advance(10 * SECOND).await;
    settle(&breaker, Verdict::success());
    advance(3_600 * SECOND).await;
    breaker.bypass();
    advance(60 * SECOND).await;
    breaker.automatic();
    let last = *events.lock().unwrap().last().unwrap();
    assert_eq!((last.reason, last.opened, last.not_closed_for), (CircuitReason::Automatic, 0, 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn rg_02_a_reset_of_a_closed_breaker_is_no_transition() {
    let breaker = breaker();
    let events = events(&breaker);
    advance(60 * SECOND).await;
    breaker.reset();
    let seen = breaker.snapshot();
    assert_eq!((seen.in_state_for, seen.reason), (60 * SECOND, None));
    assert!(events.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rg_03_a_trial_call_that_was_never_polled_is_no_failure() {
    let breaker = breaker();
    fail_twice(&breaker);
    advance(10 * SECOND).await;
    let mut service = CircuitBreakerLayer::from_breaker(breaker.clone()).layer(Strict::ok().0);
    assert!(poll_ready(&mut service).is_ready());
    let future = service.call(1);
    advance(SECOND).await;
    drop(future);
    let seen = breaker.snapshot();
    assert_eq!((seen.failed, seen.cancelled, seen.state), (2, 1, CircuitState::HalfOpen));
}

#[test]
fn rg_04_a_waker_may_ask_the_breaker_when_it_is_dropped() {
    struct Nosy(CircuitBreaker);
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Nosy {
        fn drop(&mut self) {
            let _ = self.0.snapshot();
        }
    }

    // On a thread of its own: what is to be seen is that it ends.
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        let breaker = breaker();
        breaker.isolate();
        let nosy = Waker::from(Arc::new(Nosy(breaker.clone())));
        let mut acquired = pin!(breaker.acquire());
        assert!(acquired.as_mut().poll(&mut Context::from_waker(&nosy)).is_pending());
        // The waker that is registered is the last of its kind now.
        drop(nosy);
        assert!(poll_once(acquired).is_pending());
        ended.send(()).unwrap();
    });
    assert_eq!(end.recv_timeout(10 * SECOND), Ok(()), "it waits for a lock that it holds");
}

#[tokio::test(start_paused = true)]
async fn rg_05_an_outbreak_is_logged_as_one_also_when_events_were_merged() {
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&warnings);
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || Lines(Arc::clone(&written)))
        .with_max_level(tracing::Level::WARN)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let breaker = breaker();
    let (within, times) = (breaker.clone(), AtomicU64::new(0));
    breaker
        .subscribe(move |_| {
            if times.fetch_add(1, SeqCst) == 0 {
                // More than are remembered one by one, while the first is still being told.
                for _ in 0..10 {
                    within.reset();
                    within.isolate();
                }
                within.reset();
                fail_twice(&within);
                within.isolate();
            }
        })
        .keep();
    breaker.isolate();
    assert_eq!(warnings.lock().unwrap().len(), 1);
}

/// Where sums are checked, as they are in debug builds, the bulkhead panicked at the call after the 262,143rd that was
/// admitted with fewer than 1,023 cancelled ones among them.
#[test]
fn rg_06_a_bulkhead_admits_more_calls_than_its_tally_holds() {
    let bulkhead = Bulkhead::new(1);
    for _ in 0..300_000 {
        bulkhead.try_admit().unwrap().complete();
    }
    let s = bulkhead.snapshot();
    assert_eq!((s.admitted, s.completed, s.in_flight), (300_000, 300_000, 0));
}

/// A call that cost nothing was a cell, and one that was dropped while it waited was counted but for one cell. Both went into
/// what an autoscaler is told.
#[tokio::test(start_paused = true)]
async fn rg_07_a_rate_limit_tells_the_cells_of_the_calls_it_counts() {
    let limiter = RateLimiter::new(Quota::every(Duration::from_secs(1)).burst(5));
    limiter.try_admit_n(0).unwrap();
    limiter.try_admit_n(5).unwrap();
    limiter.try_admit_n(6).unwrap_err();
    assert_eq!((limiter.snapshot().calls, limiter.snapshot().cells), (3, 11));
    let mut waits = Box::pin(limiter.acquire_n(3));
    assert!(poll_once(waits.as_mut()).is_pending());
    drop(waits);
    assert_eq!((limiter.snapshot().abandoned, limiter.snapshot().cells), (1, 11));
    limiter.acquire_n(3).await.unwrap();
    limiter.acquire_n(0).await.unwrap();
    assert_eq!((limiter.snapshot().calls, limiter.snapshot().cells), (5, 14));
}

/// A dry run counted a call twice whose caller's deadline had passed before it began, and whose limit was a second or more.
#[tokio::test(start_paused = true)]
async fn rg_08_a_dry_run_counts_a_call_once_that_began_too_late() {
    let timeout = Timeout::new(3 * SECOND);
    timeout.set_dry_run(true);
    let passed = Deadline::after(Duration::ZERO);
    let mut call = Box::pin(scope(Some(passed), timeout.run(std::future::pending::<()>())));
    for _ in 0..3 {
        assert!(poll_once(call.as_mut()).is_pending());
        advance(4 * SECOND).await;
    }
    assert_eq!(timeout.snapshot().would_time_out, 1);
}

/// Keeps what is written.
struct Lines(Arc<Mutex<Vec<Vec<u8>>>>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A fallback that was switched off still counted the calls that it would not have been safe to send again.
#[tokio::test]
async fn rg_09_a_fallback_that_is_off_withholds_nothing() {
    #[derive(Clone)]
    struct Order;
    impl Replay for Order {
        fn replay(&self) -> Option<Self> {
            Some(self.clone())
        }
        fn repeatable(&self) -> bool {
            false
        }
    }
    let layer = FallbackLayer::service(service_fn(|_: Order| async { Ok::<_, BoxError>(1) }));
    let inner = service_fn(|_: Order| async { Err::<u64, _>(BoxError::from("broken")) });
    let fallback = layer.fallback();
    for (mode, withheld) in [(Mode::Off, 0), (Mode::DryRun, 1), (Mode::Enforce, 2)] {
        Engine::Fallback(fallback.clone()).set_override(Override::new(mode));
        assert!(layer.layer(inner).oneshot(Order).await.is_err());
        assert_eq!(fallback.snapshot().withheld, withheld, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn rg_22_a_larger_quota_reaches_all_who_wait() {
    let layer = RateLimitLayer::new(Quota::per_hour(1)).wait(10_000 * SECOND);
    let limiter = layer.limiter();
    let mut service = layer.layer(Strict::ok().0);
    limiter.try_admit().unwrap();
    assert!(poll_ready(&mut service).is_ready());
    let mut never_polled = service.clone();
    assert!(poll_ready(&mut never_polled).is_ready());
    let _first = never_polled.call(1);
    let mut second = pin!(service.call(2));
    assert!(poll_once(second.as_mut()).is_pending());
    limiter.set_quota(Quota::per_second(10)).unwrap();
    assert_eq!(tokio::time::timeout(SECOND, second).await, Ok(Ok(2)));
}

/// A log that is full when an event is written.
struct Full;

impl tracing::Subscriber for Full {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        crate::support::panic_quietly();
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn rg_23_a_call_ends_whose_admission_the_log_cut_off() {
    let breaker = breaker();
    let fail = || breaker.try_admit().unwrap().settle(Verdict::failure("503"));
    fail();
    fail();
    advance(10 * SECOND).await;
    let cut_off = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _full = tracing::subscriber::set_default(Full);
        drop(breaker.try_admit());
    }));
    assert!(cut_off.is_err());
    let now = breaker.snapshot();
    assert_eq!((now.state, now.in_flight, now.trials_in_flight), (CircuitState::HalfOpen, 0, 0));
    assert!(breaker.try_admit().is_ok());
}

/// The end of an override is told in the log by whoever finds it over.
#[tokio::test(start_paused = true)]
async fn rg_23_a_call_ends_whose_result_the_log_cut_off() {
    let breaker = breaker();
    let permit = breaker.try_admit().unwrap();
    Engine::from(breaker.clone()).set_override(Override::new(Mode::DryRun).time_to_live(600 * SECOND));
    advance(601 * SECOND).await;
    let cut_off = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _full = tracing::subscriber::set_default(Full);
        permit.settle(Verdict::failure("503"));
    }));
    assert!(cut_off.is_err());
    let now = breaker.snapshot();
    assert_eq!((now.in_flight, now.failed, now.cancelled, now.panicked), (0, 0, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn rg_24_who_gives_up_waiting_is_not_counted_as_overflowed() {
    let breaker = KeyedCircuitBreaker::new(CircuitBreakerConfig::default().min_calls(1).outage(None));
    breaker.set_max_keys(1).unwrap();
    let _held = breaker.get_or_make("ada").unwrap();
    breaker.try_admit("bob").unwrap().settle(Verdict::failure("503"));
    assert!(tokio::time::timeout(MILLISECOND, breaker.acquire("bob")).await.is_err());
    let now = breaker.snapshot();
    assert_eq!((now.calls, now.overflowed), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn rg_25_who_leaves_the_queue_is_not_counted_as_overflowed() {
    let bulkhead = KeyedBulkhead::new(1);
    bulkhead.set_queue(1, SECOND).unwrap();
    bulkhead.set_max_keys(1).unwrap();
    let _held = bulkhead.try_admit("ada").unwrap();
    let bob = bulkhead.try_admit("bob").unwrap();
    let counts = || {
        let now = bulkhead.snapshot();
        (now.calls, now.overflowed, now.abandoned)
    };
    assert!(tokio::time::timeout(MILLISECOND, bulkhead.acquire("bob")).await.is_err());
    assert_eq!(counts(), (2, 1, 1));
    bob.complete();
    drop(bulkhead.acquire("bob").await);
    assert_eq!(counts(), (3, 2, 1));
}

#[test]
fn rg_26_calls_that_cost_nothing_ask_for_no_cell_at_any_moment() {
    let limiter = RateLimiter::new(Quota::per_second(1));
    let calls = 1_000_000;
    std::thread::scope(|scope| {
        scope.spawn(|| (0..calls).for_each(|_| limiter.try_admit_n(0).unwrap()));
        while limiter.snapshot().calls < calls {
            assert_eq!(limiter.snapshot().cells, 0);
        }
    });
}

/// One who waits on another layer comes first, and the service of this one is readied only after that.
#[tokio::test(start_paused = true)]
async fn rg_27_who_is_refused_unready_is_told_of_those_who_wait() {
    let limiter = RateLimiter::new(Quota::per_second(10).burst(1));
    limiter.try_admit().unwrap();
    let mut waits = std::pin::pin!(limiter.acquire());
    assert!(poll_once(waits.as_mut()).is_pending());
    let (inner, probe) = Strict::ok();
    probe.set_pending(true);
    let mut service = RateLimitLayer::from_limiter(limiter.clone()).layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    let rejected = rejection(service.call(1).await);
    assert_eq!(rejected.retry_after(), Some(200 * MILLISECOND));
}
