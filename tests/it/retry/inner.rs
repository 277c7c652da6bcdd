//! What is asked of the inner service.

use super::*;

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
async fn an_inner_service_has_only_to_be_clone() {
    // Neither `Send` nor `Sync`.
    assert_eq!(attempts_of(RetryLayer::new(steady()).classify_fn(reset), 1_u64).await, 3);
    let answers = service_fn(|n: u64| std::future::ready(Ok::<_, TestError>(n)));
    let mut service = RetryLayer::new(steady()).classify(ErrorsOnlyOf).layer(answers);
    assert_eq!(now(&mut service, 3), Ok(3));
    let _compiles_too = RetryLayer::new(steady()).classify(ErrorsOnly);
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
