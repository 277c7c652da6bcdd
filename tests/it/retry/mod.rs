mod attempts;
mod budget;
mod config;
mod http;
mod outcome;
mod wait;

use std::cell::Cell;
use std::io::{Error, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use buttress::{
    Backoff, Cloned, ErrorsOnly, Jitter, Rejected, RejectedKind, Replay, Retry, RetryLayer, RetryPolicy,
    TimeoutLayer, Verdict,
};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceBuilder, service_fn};

use crate::support::{Act, Fail, Strict, TestError, call, now, poll_once, poll_ready, rejection};

pub const MS: Duration = Duration::from_millis(1);

/// Waits of exactly 100, 200, 400, … ms.
pub fn steady() -> RetryPolicy {
    RetryPolicy::default().jitter(Jitter::None)
}

fn failed(request: u64) -> Result<u64, Fail> {
    Err(Fail::Inner(TestError(request)))
}

/// A rejection that says nothing was sent.
async fn unsent() -> Rejected {
    let rejected = rejection(TimeoutLayer::new(MS).layer(Strict::ok().0).call(0).await);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::NotReady, false));
    rejected
}

#[tokio::test(start_paused = true)]
async fn rt_01_as_many_attempts_as_the_policy_says() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady());
    let start = Instant::now();
    assert_eq!(call(&mut layer.layer(inner), 7).await, failed(7));
    assert_eq!((probe.calls(), start.elapsed()), (3, 300 * MS));
    let counts = layer.retry().snapshot();
    assert_eq!((counts.calls, counts.attempts, counts.retries), (1, 3, 2));
    assert_eq!((counts.attempts_exhausted, counts.recovered), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn rt_01_the_last_error_is_returned_unchanged() {
    let errors: [Arc<str>; 3] = ["a".into(), "b".into(), "c".into()];
    let mut script = errors.clone().into_iter();
    let attempts = Rc::new(Cell::new(0));
    let retry = Retry::new(steady());
    let result = retry
        .run_by(&ErrorsOnlyOf, || {
            attempts.set(attempts.get() + 1);
            std::future::ready(Err::<(), _>(script.next().unwrap()))
        })
        .await;
    assert!(Arc::ptr_eq(&result.unwrap_err(), &errors[2]));
    assert_eq!(attempts.get(), 3);
}

/// Every error is a failure, of whatever type.
#[derive(Clone)]
struct ErrorsOnlyOf;

impl<T, E> buttress::Classify<T, E> for ErrorsOnlyOf {
    fn classify(&self, result: Result<&T, &E>) -> Verdict {
        if result.is_ok() { Verdict::success() } else { Verdict::failure("error") }
    }
}

#[tokio::test(start_paused = true)]
async fn rt_02_the_first_success_wins() {
    let (inner, probe) = Strict::new(|number, _| if number < 2 { Act::Err } else { Act::Ok });
    let layer = RetryLayer::new(steady());
    assert_eq!(call(&mut layer.layer(inner), 7).await, Ok(7));
    assert_eq!(probe.calls(), 3);
    let counts = layer.retry().snapshot();
    assert_eq!((counts.recovered, counts.attempts_exhausted), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn rt_03_what_must_not_be_repeated_is_not() {
    let (inner, probe) = Strict::always(Act::Err);
    let final_failure = |result: Result<&u64, &Fail>| {
        result.map_or(Verdict::failure("final").repeatable(false), |_| Verdict::success())
    };
    let layer = RetryLayer::new(steady()).classify_fn(final_failure);
    let start = Instant::now();
    assert_eq!(call(&mut layer.layer(inner), 7).await, failed(7));
    assert_eq!((probe.calls(), start.elapsed()), (1, Duration::ZERO));
    let budget = layer.retry().budget().unwrap().snapshot();
    assert_eq!((budget.withdrawn, budget.refused, budget.available), (0, 0, 15.0));
    assert_eq!(layer.retry().snapshot().not_repeatable, 1);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_that_is_no_failure_may_ask_for_a_repeat() {
    let (inner, probe) = Strict::ok();
    let not_yet = |_: Result<&u64, &Fail>| Verdict::ignored("not yet").repeatable(true);
    let layer = RetryLayer::new(steady()).classify_fn(not_yet);
    assert_eq!(call(&mut layer.layer(inner), 7).await, Ok(7));
    assert_eq!(probe.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn rt_04_each_attempt_goes_to_a_readied_service() {
    let (inner, probe) = Strict::always(Act::Err);
    let mut service = RetryLayer::new(steady()).layer(inner);
    let made = probe.clones();
    assert_eq!(call(&mut service, 7).await, failed(7));
    assert_eq!((probe.calls(), probe.violations()), (3, 0));
    assert_eq!(probe.readiness_polls(), 3, "one readiness for each attempt");
    assert_eq!(probe.clones() - made, 1, "one clone for all further attempts");
}

#[tokio::test(start_paused = true)]
async fn rt_04_a_first_attempt_that_succeeds_clones_no_service() {
    let (inner, probe) = Strict::ok();
    let mut service = RetryLayer::new(steady()).layer(inner);
    let made = probe.clones();
    assert_eq!(call(&mut service, 7).await, Ok(7));
    assert_eq!((probe.calls(), probe.clones() - made), (1, 0));
}

/// Can be copied, and may not be sent twice.
#[derive(Clone)]
struct Once;

impl buttress::Repeat<u64> for Once {
    fn replay(&self, request: &u64) -> Option<u64> {
        Some(*request)
    }

    fn repeatable(&self, _: &u64) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn rt_04_what_is_not_repeated_clones_no_service() {
    let (inner, probe) = Strict::always(Act::Err);
    let mut once = RetryLayer::new(steady()).repeat(Once).layer(inner.clone());
    let mut streamed = RetryLayer::new(steady()).repeat_fn(|_: &u64| None::<u64>).layer(inner);
    let made = probe.clones();
    assert_eq!((call(&mut once, 7).await, call(&mut streamed, 8).await), (failed(7), failed(8)));
    assert_eq!((probe.calls(), probe.clones() - made), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn rt_04_an_error_of_readiness_ends_the_loop() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady());
    let mut service = layer.layer(inner);
    let calling = tokio::spawn(async move { call(&mut service, 7).await });
    tokio::time::sleep(50 * MS).await;
    probe.set_broken();
    assert_eq!(calling.await.unwrap(), failed(u64::MAX));
    assert_eq!(probe.calls(), 1);
    let counts = layer.retry().snapshot();
    assert_eq!((counts.attempts, counts.retries), (1, 0));
    let budget = layer.retry().budget().unwrap().snapshot();
    assert_eq!((budget.withdrawn, budget.returned), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_call_held_is_free_when_it_ends_and_not_only_when_it_is_dropped() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady());
    let mut service = layer.layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    let mut future = Box::pin(service.call(7));
    assert!(poll_once(future.as_mut()).is_pending());
    probe.set_broken();
    assert_eq!(future.as_mut().await, failed(u64::MAX));
    assert_eq!(layer.retry().budget().unwrap().snapshot().available, 15.0);
}

#[tokio::test(start_paused = true)]
async fn a_pending_service_is_waited_for_between_attempts() {
    let (inner, probe) = Strict::new(|number, _| if number == 0 { Act::Err } else { Act::Ok });
    let mut service = RetryLayer::new(steady()).layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    let answer = tokio::spawn(service.call(7));
    tokio::task::yield_now().await;
    probe.set_pending(true);
    tokio::time::sleep(500 * MS).await;
    assert_eq!((probe.calls(), probe.waiting()), (1, 1));
    probe.set_pending(false);
    assert_eq!(answer.await.unwrap(), Ok(7));
    assert_eq!(probe.violations(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_readiness_is_repeated_like_any_other() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady());
    let mut service = layer.layer(inner);
    assert_eq!(service.call(7).await, failed(7));
    assert_eq!((probe.calls(), probe.violations()), (3, 0));
    let counts = layer.retry().snapshot();
    assert_eq!((counts.calls, counts.attempts), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn repeats_are_counted_by_what_they_repeat() {
    let retry = Retry::new(steady().max_attempts(4));
    let mut script =
        [ErrorKind::TimedOut, ErrorKind::Other, ErrorKind::TimedOut, ErrorKind::Other].into_iter();
    let result = retry.run(|| std::future::ready(Err::<u64, _>(Error::from(script.next().unwrap())))).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Other);
    // The last one was not repeated any more.
    assert_eq!(retry.snapshot().causes, [("timeout", 2), ("error", 1)]);

    // Nor is what is given up before it is sent again.
    let mut given_up = Box::pin(retry.run(|| std::future::ready(Err::<u64, _>(Error::other("busy")))));
    assert!(poll_once(given_up.as_mut()).is_pending());
    drop(given_up);
    let counts = retry.snapshot();
    assert_eq!((counts.calls, counts.retries, counts.causes), (2, 3, vec![("timeout", 2), ("error", 1)]));
}

#[tokio::test(start_paused = true)]
async fn rt_21_sent_once_sent_for_good() {
    let refusal = unsent().await;
    let calls = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let scripted = service_fn(move |_: u64| {
        let first = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Err::<u64, _>(Fail::from(refusal))
        }
    });
    let layer = RetryLayer::new(steady());
    let service =
        ServiceBuilder::new().layer(layer.clone()).layer(TimeoutLayer::new(100 * MS)).service(scripted);
    let rejected = rejection(service.oneshot(1).await);
    assert_eq!(rejected.kind(), RejectedKind::TimedOut);
    assert!(rejected.was_sent());
    let counts = layer.retry().snapshot();
    assert_eq!((counts.attempts, counts.rejected), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_at_the_first_attempt_is_returned_as_it_is() {
    let refusal = unsent().await;
    let scripted = service_fn(move |_: u64| std::future::ready(Err::<u64, _>(Fail::from(refusal))));
    let layer = RetryLayer::new(steady());
    let rejected = rejection(layer.layer(scripted).oneshot(1).await);
    assert_eq!((rejected.kind(), rejected.was_sent()), (RejectedKind::NotReady, false));
    let counts = layer.retry().snapshot();
    assert_eq!((counts.attempts, counts.rejected), (1, 1));
    assert_eq!(layer.retry().budget().unwrap().snapshot().withdrawn, 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_time_out_is_repeated_and_one_that_was_cut_short_is_not() {
    let (inner, probe) = Strict::always(Act::Hang);
    let attempts = TimeoutLayer::new(100 * MS);
    let mut service = RetryLayer::new(steady()).layer(attempts.layer(inner));
    assert_eq!(rejection(call(&mut service, 1).await).kind(), RejectedKind::TimedOut);
    assert_eq!(probe.calls(), 3);

    let (inner, probe) = Strict::always(Act::Hang);
    let mut service = RetryLayer::new(steady()).layer(attempts.layer(inner));
    let deadline = buttress::deadline::Deadline::after(50 * MS);
    let within = buttress::deadline::scope(Some(deadline), call(&mut service, 1));
    assert!(rejection(within.await).was_cut_short());
    assert_eq!(probe.calls(), 1);
}

/// Can be copied, and must not be seen twice.
#[derive(Clone, Debug)]
struct Order;

impl Replay for Order {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }

    fn repeatable(&self) -> bool {
        false
    }
}

/// Can be sent only once.
#[derive(Debug)]
struct Upload;

impl Replay for Upload {
    fn replay(&self) -> Option<Self> {
        None
    }

    fn repeatable(&self) -> bool {
        true
    }
}

/// Fails each attempt in this way, and counts them.
async fn attempts_of<Req: 'static, C, P>(layer: RetryLayer<C, P>, request: Req) -> u64
where
    C: buttress::Classify<(), TestError> + Clone,
    P: buttress::Repeat<Req> + Clone,
{
    let calls = Rc::new(Cell::new(0));
    let inner = service_fn({
        let calls = Rc::clone(&calls);
        move |_: Req| {
            calls.set(calls.get() + 1);
            std::future::ready(Err::<(), _>(TestError(calls.get())))
        }
    });
    let error = layer.layer(inner).oneshot(request).await.unwrap_err();
    assert_eq!(error, TestError(calls.get()), "the last error");
    calls.get()
}

fn reset(_: Result<&(), &TestError>) -> Verdict {
    Verdict::failure("reset")
}

fn no_connection(_: Result<&(), &TestError>) -> Verdict {
    Verdict::failure("connect").never_sent()
}

#[tokio::test(start_paused = true)]
async fn rt_23_the_request_decides_whether_it_is_repeated() {
    let layer = RetryLayer::new(steady()).classify_fn(reset);
    assert_eq!(attempts_of(layer.clone(), 7_u64).await, 3);
    assert_eq!(attempts_of(layer.clone(), Order).await, 1);
    assert_eq!(attempts_of(layer.clone(), Upload).await, 1);
    assert_eq!(layer.retry().snapshot().not_repeatable, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_repeated_if_it_can_be() {
    let layer = RetryLayer::new(steady()).classify_fn(no_connection);
    assert_eq!(attempts_of(layer.clone(), Order).await, 3);
    assert_eq!(attempts_of(layer, Upload).await, 1);
}

#[tokio::test(start_paused = true)]
async fn strategies_replace_what_the_type_says() {
    let layer = RetryLayer::new(steady()).classify_fn(reset);
    assert_eq!(attempts_of(layer.clone().repeat(Cloned), Order).await, 3);
    #[derive(Clone)]
    struct Unknown(u64);
    assert_eq!(attempts_of(layer.clone().repeat(Cloned), Unknown(1)).await, 3);
    let small = layer.repeat_fn(|request: &Unknown| (request.0 < 5).then(|| request.clone()));
    assert_eq!(attempts_of(small.clone(), Unknown(1)).await, 3);
    assert_eq!(attempts_of(small, Unknown(9)).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_has_only_to_be_clone() {
    // Neither `Send` nor `Sync`.
    assert_eq!(attempts_of(RetryLayer::new(steady()).classify_fn(reset), 1_u64).await, 3);
    let answers = service_fn(|n: u64| std::future::ready(Ok::<_, TestError>(n)));
    let mut service = RetryLayer::new(steady()).classify(ErrorsOnlyOf).layer(answers);
    assert_eq!(now(&mut service, 3), Ok(3));
    let _compiles_too = RetryLayer::new(steady()).classify(ErrorsOnly);
}

#[tokio::test(start_paused = true)]
async fn a_single_attempt_copies_nothing() {
    struct Uncopied;
    impl Replay for Uncopied {
        fn replay(&self) -> Option<Self> {
            panic!("copied for nothing")
        }

        fn repeatable(&self) -> bool {
            true
        }
    }
    let layer = RetryLayer::new(steady().max_attempts(1)).classify_fn(reset);
    assert_eq!(attempts_of(layer.clone(), Uncopied).await, 1);
    assert_eq!(layer.retry().snapshot().attempts_exhausted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_strategy_leaves_the_layer_in_order() {
    let (inner, probe) = Strict::always(Act::Err);
    let panics = |result: Result<&u64, &Fail>| match result {
        Err(Fail::Inner(TestError(0))) => panic!("in the classifier"),
        _ => Verdict::failure("error"),
    };
    let layer = RetryLayer::new(steady()).classify_fn(panics);
    let mut service = layer.layer(inner);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| now(&mut service, 0)));
    assert!(caught.is_err());
    assert_eq!(probe.in_flight(), 0);
    assert_eq!(call(&mut service, 1).await, failed(1));
    let counts = layer.retry().snapshot();
    assert_eq!((counts.calls, counts.attempts), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_and_repeats_nothing() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady()).dry_run(true);
    let mut service = layer.layer(inner);
    assert_eq!(call(&mut service, 7).await, failed(7));
    let counts = layer.retry().snapshot();
    assert_eq!((probe.calls(), counts.would_retry, counts.retries), (1, 1, 0));
    assert_eq!(layer.retry().budget().unwrap().snapshot().available, 14.0);
    layer.retry().set_dry_run(false);
    assert_eq!(call(&mut service, 7).await, failed(7));
    assert_eq!(probe.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_policy_changes_at_run_time_and_forks_stand_alone() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady()).name("a");
    let handle = layer.retry();
    let fork = layer.fork("b");
    handle.set_policy(handle.policy().max_attempts(2).backoff(Backoff::constant(10 * MS))).unwrap();
    let start = Instant::now();
    assert_eq!(call(&mut layer.layer(inner), 7).await, failed(7));
    assert_eq!((probe.calls(), start.elapsed()), (2, 10 * MS));
    assert_eq!((fork.retry().policy(), fork.retry().snapshot().calls), (steady(), 0));
    assert_eq!((handle.name().as_str(), fork.retry().name().as_str()), ("a", "b"));
    assert_eq!(fork.retry().budget().unwrap().snapshot().available, 15.0);
    let error = handle.set_policy(steady().max_attempts(0)).unwrap_err();
    assert_eq!((error.field(), handle.policy().max_attempts), ("max_attempts", 2));
}

#[tokio::test(start_paused = true)]
async fn a_handle_taken_early_sees_what_later_setters_do() {
    let layer = RetryLayer::new(steady());
    let handle = layer.retry();
    assert!(handle.name().as_str().contains("retry/mod.rs:"), "{}", handle.name());
    let (inner, _probe) = Strict::always(Act::Err);
    let mut service = layer.name("late").dry_run(true).repeat(Cloned).layer(inner);
    assert_eq!(handle.name().as_str(), "late");
    assert_eq!(handle.budget().unwrap().name().as_str(), "late");
    assert_eq!(call(&mut service, 7).await, failed(7));
    assert_eq!(handle.snapshot().would_retry, 1);
    let same = RetryLayer::from_retry(handle.clone());
    assert_eq!(same.retry().snapshot(), handle.snapshot());
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_can_be_looked_at_and_taken_out() {
    let (inner, probe) = Strict::ok();
    let service = RetryLayer::new(steady()).layer(inner);
    let _: &Strict = service.get_ref();
    let mut inner = service.into_inner();
    assert_eq!(poll_ready(&mut inner), Poll::Ready(Ok(())));
    assert_eq!(probe.calls(), 0);
}

#[test]
fn the_future_is_hardly_larger_than_the_inner_one() {
    let answers = service_fn(|n: u64| std::future::ready(Ok::<_, Fail>(n)));
    let inner = size_of_val(&answers.clone().call(1));
    let mut service = RetryLayer::new(steady()).layer(answers);
    assert!(poll_ready(&mut service).is_ready());
    let whole = size_of_val(&service.call(1));
    assert!(whole - inner <= 48, "{} bytes more", whole - inner);
}
