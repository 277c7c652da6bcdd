//! How long a call waits, and that it need not.

use std::time::Duration;

use buttress::{Backoff, Jitter, RetryLayer, RetryPolicy, TimeoutLayer, Verdict, deadline};
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{MS, steady};
use crate::support::{Act, Fail, Strict, call, poll_once, poll_ready};

/// The waits between the attempts of one failing call.
async fn waits(policy: RetryPolicy) -> Vec<Duration> {
    let times = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (inner, _probe) = Strict::new({
        let times = std::sync::Arc::clone(&times);
        move |_, _| {
            times.lock().unwrap().push(Instant::now());
            Act::Err
        }
    });
    assert!(call(&mut RetryLayer::new(policy).layer(inner), 1).await.is_err());
    let times = times.lock().unwrap();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test(start_paused = true)]
async fn rt_05_waits_grow_up_to_the_cap() {
    let expected = [100, 200, 400, 800, 1_600, 2_000, 2_000].map(|ms| ms * MS);
    assert_eq!(waits(steady().max_attempts(8)).await, expected);
    let constant = steady().max_attempts(4).backoff(Backoff::constant(70 * MS));
    assert_eq!(waits(constant).await, [70 * MS; 3]);
}

#[tokio::test(start_paused = true)]
async fn rt_07_a_seed_makes_the_jitter_repeatable() {
    for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
        let draw = |seed| waits(RetryPolicy::default().max_attempts(8).jitter(jitter).seed(seed));
        let (a, again, b) = (draw(1).await, draw(1).await, draw(2).await);
        assert_eq!(a, again, "{jitter:?}");
        assert_ne!(a, b, "{jitter:?}");
        // Timers have a granularity of a millisecond, rounded up.
        assert!(a.iter().all(|wait| *wait <= 2_001 * MS), "{jitter:?}: {a:?}");
        let least = if jitter == Jitter::Full { Duration::ZERO } else { 50 * MS };
        assert!(a.iter().all(|wait| *wait >= least), "{jitter:?}: {a:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_seed_begins_a_new_sequence() {
    let layer = RetryLayer::new(RetryPolicy::default().max_attempts(2).seed(1));
    let mut takes = Vec::new();
    for seed in [2, 1, 2] {
        layer.retry().set_policy(layer.retry().policy().seed(seed)).unwrap();
        let (inner, _probe) = Strict::always(Act::Err);
        let start = Instant::now();
        assert!(call(&mut layer.layer(inner), 1).await.is_err());
        takes.push(start.elapsed());
    }
    assert_eq!(takes[0], takes[2]);
    assert_ne!(takes[0], takes[1]);
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_layer_draw_different_waits() {
    let layer = RetryLayer::new(RetryPolicy::default().seed(1).max_attempts(2));
    let mut ends = Vec::new();
    for _ in 0..5 {
        let (inner, _probe) = Strict::always(Act::Err);
        let start = Instant::now();
        assert!(call(&mut layer.layer(inner), 1).await.is_err());
        ends.push(start.elapsed());
    }
    ends.sort();
    ends.dedup();
    assert!(ends.len() > 1, "every call drew the same wait");
}

#[tokio::test(start_paused = true)]
async fn rt_09_dropping_a_call_takes_the_wait_away() {
    let (inner, probe) = Strict::always(Act::Err);
    let layer = RetryLayer::new(steady());
    let mut service = layer.layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    let mut future = Box::pin(service.call(1));
    assert!(poll_once(future.as_mut()).is_pending());
    let budget = layer.retry().budget().unwrap();
    assert_eq!(budget.snapshot().available, 14.0);
    let clones = probe.clones();
    drop(future);
    assert_eq!(budget.snapshot().available, 15.0);
    assert_eq!((budget.snapshot().withdrawn, budget.snapshot().returned), (1, 1));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!((probe.calls(), probe.clones()), (1, clones), "nothing was made for the next attempt");
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    let counts = layer.retry().snapshot();
    assert_eq!((counts.calls, counts.attempts), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_last_attempt_is_held_while_waiting() {
    let (inner, probe) = Strict::always(Act::Err);
    let mut service = RetryLayer::new(steady()).layer(inner);
    assert!(poll_ready(&mut service).is_ready());
    let mut future = Box::pin(service.call(1));
    assert!(poll_once(future.as_mut()).is_pending());
    assert_eq!(probe.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn rt_10_no_wait_is_begun_that_ends_after_the_deadline() {
    let policy = steady().max_attempts(10).backoff(Backoff::constant(300 * MS));
    let layer = RetryLayer::new(policy);
    let (inner, probe) = Strict::always(Act::Err);
    let mut service = TimeoutLayer::new(Duration::from_secs(1)).layer(layer.layer(inner));
    let start = Instant::now();
    assert!(matches!(call(&mut service, 1).await, Err(Fail::Inner(_))), "the real error, not the time-out");
    assert_eq!((probe.calls(), start.elapsed()), (4, 900 * MS));
    assert_eq!(layer.retry().snapshot().deadline, 1);
    // A wait that is not begun takes no token.
    assert_eq!(layer.retry().budget().unwrap().snapshot().withdrawn, 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_at_the_deadline_is_too_long() {
    for (left, calls) in [(100, 1), (101, 2)] {
        let (inner, probe) = Strict::always(Act::Err);
        let mut service = RetryLayer::new(steady().max_attempts(2)).layer(inner);
        let deadline = deadline::Deadline::after(left * MS);
        assert!(deadline::scope(Some(deadline), call(&mut service, 1)).await.is_err());
        assert_eq!(probe.calls(), calls, "{left} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn tm_07_a_time_out_inside_limits_each_attempt_and_outside_the_whole_call() {
    let retry = || RetryLayer::new(steady().backoff(Backoff::constant(MS)));
    let limit = TimeoutLayer::new(100 * MS);
    let (inner, probe) = Strict::always(Act::Hang);
    let start = Instant::now();
    assert!(call(&mut retry().layer(limit.layer(inner)), 1).await.is_err());
    assert_eq!((probe.calls(), start.elapsed()), (3, 302 * MS));

    let (inner, probe) = Strict::always(Act::Hang);
    let start = Instant::now();
    assert!(call(&mut limit.layer(retry().layer(inner)), 1).await.is_err());
    assert_eq!((probe.calls(), start.elapsed()), (1, 100 * MS));
}

#[tokio::test(start_paused = true)]
async fn what_the_service_asks_for_is_waited_for_up_to_the_cap() {
    // Asked for, back-off, waited.
    for (asked, waited) in [(0, 100), (99, 100), (5_000, 5_000), (30_000, 30_000), (30_001, 30_000)] {
        let (inner, _probe) = Strict::always(Act::Err);
        let classify = move |_: Result<&u64, &Fail>| Verdict::throttled().after(asked * MS);
        let layer = RetryLayer::new(steady().max_attempts(2)).classify_fn(classify);
        let start = Instant::now();
        assert!(call(&mut layer.layer(inner), 1).await.is_err());
        assert_eq!(start.elapsed(), waited * MS, "{asked}");
        assert_eq!(layer.retry().budget().unwrap().snapshot().withdrawn, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn each_repeat_is_one_event() {
    #[derive(Clone, Default)]
    struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let subscriber = {
        let log = log.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .without_time()
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish()
    };
    let _guard = tracing::subscriber::set_default(subscriber);
    let (inner, _probe) = Strict::always(Act::Err);
    assert!(call(&mut RetryLayer::new(steady()).name("prices").layer(inner), 1).await.is_err());
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, fields) in
        lines.iter().zip(["attempt=2 cause=\"error\" wait=100ms", "attempt=3 cause=\"error\" wait=200ms"])
    {
        assert!(line.starts_with("DEBUG") && line.contains("name=prices") && line.contains(fields), "{line}");
    }
}
