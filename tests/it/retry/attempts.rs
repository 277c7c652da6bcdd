//! What runs knows which attempt it is part of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Mutex;

use buttress::circuit_breaker::Window;
use buttress::retry::current_attempt;
use buttress::{CircuitBreakerConfig, CircuitBreakerLayer, CircuitEvent, CircuitState};

use super::*;

/// A request, where it was seen, and in which attempt.
type Seen = (u64, &'static str, u32);

/// A service that notes in which attempt it is called, and in which each poll of its futures runs. Each call
/// is pending twice, for 1 ms each, and fails until the attempt of that number.
#[derive(Clone, Default)]
struct Noting {
    seen: Arc<Mutex<Vec<Seen>>>,
    until: u32,
}

impl Noting {
    fn until(until: u32) -> Self {
        Self { until, ..Self::default() }
    }

    fn note(&self, request: u64, what: &'static str) {
        self.seen.lock().unwrap().push((request, what, current_attempt()));
    }

    /// The attempts seen in this place, without repetitions.
    fn attempts(&self, request: u64, what: &str) -> Vec<u32> {
        let seen = self.seen.lock().unwrap();
        let mut attempts: Vec<_> =
            seen.iter().filter(|note| (note.0, note.1) == (request, what)).map(|note| note.2).collect();
        attempts.dedup();
        attempts
    }
}

impl Service<u64> for Noting {
    type Response = u64;
    type Error = Fail;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<u64, Fail>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Fail>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.note(request, "call");
        let this = self.clone();
        let number = current_attempt();
        Box::pin(async move {
            for _ in 0..2 {
                this.note(request, "poll");
                tokio::time::sleep(MS).await;
            }
            this.note(request, "poll");
            if number >= this.until { Ok(request) } else { failed(request) }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_knows_its_number() {
    let noting = Noting::until(9);
    let mut service = RetryLayer::new(steady()).layer(noting.clone());
    assert_eq!(call(&mut service, 7).await, failed(7));
    assert_eq!(noting.attempts(7, "call"), [1, 2, 3]);
    assert_eq!(noting.attempts(7, "poll"), [1, 2, 3]);
    assert_eq!(current_attempt(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_at_the_same_time_do_not_mix() {
    let noting = Noting::until(9);
    let service = RetryLayer::new(steady().budget(None)).layer(noting.clone());
    let calls: Vec<_> = (0..50)
        .map(|request| {
            let mut service = service.clone();
            tokio::spawn(async move {
                // So that some are at their first attempt while others are at their third.
                tokio::time::sleep(request as u32 * 10 * MS).await;
                let result = call(&mut service, request).await;
                assert_eq!((result, current_attempt()), (failed(request), 1));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    for request in 0..50 {
        assert_eq!(noting.attempts(request, "call"), [1, 2, 3]);
        assert_eq!(noting.attempts(request, "poll"), [1, 2, 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_one_task_do_not_mix() {
    let noting = Noting::until(9);
    let service = RetryLayer::new(steady()).layer(noting.clone());
    let (mut one, mut two) = (service.clone(), service);
    let both = async {
        tokio::join!(call(&mut one, 1), async {
            tokio::time::sleep(101 * MS).await;
            assert_eq!(current_attempt(), 1);
            call(&mut two, 2).await
        })
    };
    assert_eq!(both.await, (failed(1), failed(2)));
    assert_eq!(noting.attempts(1, "poll"), [1, 2, 3]);
    assert_eq!(noting.attempts(2, "poll"), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn of_nested_retries_the_inner_one_counts() {
    let noting = Noting::until(9);
    let retry = || RetryLayer::new(steady().max_attempts(2));
    let mut service = ServiceBuilder::new().layer(retry()).layer(retry()).service(noting.clone());
    assert_eq!(call(&mut service, 7).await, failed(7));
    assert_eq!(noting.attempts(7, "call"), [1, 2, 1, 2]);
    assert_eq!(noting.attempts(7, "poll"), [1, 2, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_without_tower_tells_it_too() {
    let noting = Noting::until(3);
    let retry = Retry::new(steady());
    let result = retry.run(|| noting.clone().call(7)).await;
    assert_eq!((result, current_attempt()), (Ok(7), 1));
    assert_eq!(noting.attempts(7, "call"), [1, 2, 3]);
    assert_eq!(noting.attempts(7, "poll"), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_attempt_leaves_no_trace() {
    for panics in [Act::PanicInCall, Act::PanicInPoll] {
        let (inner, _probe) = Strict::new(move |number, _| if number == 0 { Act::Err } else { panics });
        let mut service = RetryLayer::new(steady()).layer(inner);
        assert!(poll_ready(&mut service).is_ready());
        let mut answer = pin!(service.call(1));
        assert!(poll_once(answer.as_mut()).is_pending());
        tokio::time::advance(100 * MS).await;
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(answer.as_mut()))).is_err());
        assert_eq!(current_attempt(), 1);
    }
}

/// Opens at the `n`th failure of five; one trial call.
fn breaker(n: u32) -> (CircuitBreakerLayer, Arc<Mutex<Vec<CircuitEvent>>>) {
    let config = CircuitBreakerConfig::default()
        .window(Window::last_calls(n))
        .min_calls(n)
        .outage(None)
        .trial_calls(1)
        .trial_successes(1)
        .open_time(50 * MS)
        .open_time_jitter(0.0);
    let layer = CircuitBreakerLayer::new(config);
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    layer.breaker().subscribe(move |event| seen.lock().unwrap().push(*event)).keep();
    (layer, events)
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_breaker_names_the_attempt() {
    let (layer, events) = breaker(2);
    let inner = layer.layer(Strict::new(|n, _| if n < 2 { Act::Err } else { Act::Ok }).0);
    let mut service = RetryLayer::new(steady()).layer(inner);
    // The second attempt opens it; after 200 ms more the third is a trial call, and closes it.
    assert_eq!(call(&mut service, 7).await, Ok(7));
    let seen: Vec<_> = events.lock().unwrap().iter().map(|event| (event.to, event.attempt)).collect();
    let expected = [(CircuitState::Open, 2), (CircuitState::HalfOpen, 3), (CircuitState::Closed, 3)];
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn outside_of_a_retry_it_is_the_first_attempt() {
    let (layer, events) = breaker(1);
    call(&mut layer.layer(Strict::always(Act::Err).0), 7).await.unwrap_err();
    assert_eq!(events.lock().unwrap()[0].attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_given_up_attempt_brings_about_is_its_own() {
    let (layer, events) = breaker(2);
    let inner = layer.layer(Strict::new(|n, _| if n == 0 { Act::Err } else { Act::Hang }).0);
    let mut service = RetryLayer::new(steady()).layer(inner);
    // The caller gives up while the second attempt hangs: the breaker records a failure.
    assert!(tokio::time::timeout(2_000 * MS, call(&mut service, 7)).await.is_err());
    let events = events.lock().unwrap();
    assert_eq!((events.len(), events[0].attempt, events[0].causes.count("cancelled")), (1, 2, 1));
}
