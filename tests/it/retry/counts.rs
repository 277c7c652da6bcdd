//! What is repeated how often, and how that is counted.

use super::*;

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
