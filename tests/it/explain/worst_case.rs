//! The worst case by its formulas, and no worse in simulation.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use buttress::explain::{Foreign, Part, WorstCase, explain};
use buttress::{
    Backoff, CallError, ClassifyFn, FallbackLayer, Fault, Jitter, Quota, RateLimitLayer, RetryBudget,
    RetryLayer, RetryPolicy, Verdict, client_stack, server_stack,
};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, service_fn};

use super::*;
use crate::support::{Fail, TestError, call};

fn worst(parts: &[&dyn Part]) -> WorstCase {
    explain("worst", parts).worst_case()
}

fn duration(parts: &[&dyn Part]) -> Option<Duration> {
    worst(parts).duration
}

/// Two attempts, 100 ms apart at most.
fn twice() -> RetryPolicy {
    let backoff = Backoff::constant(MS * 100);
    RetryPolicy::default()
        .max_attempts(2)
        .backoff(backoff)
        .retry_after_cap(Duration::ZERO)
        .budget(budget(0.5))
}

fn retrying(policy: RetryPolicy) -> RetryLayer {
    RetryLayer::new(policy).name("worst")
}

#[test]
fn the_recommended_stacks_have_a_known_worst_case() {
    let client = client_stack("worst-client").explain().worst_case();
    assert_eq!((client.duration, client.attempts), (Some(SECOND * 3), 3));
    assert!((client.amplification - 1.1).abs() < 1e-9);
    let server = server_stack("worst-server").explain().worst_case();
    assert_eq!((server.duration, server.attempts, server.amplification), (Some(SECOND * 3), 1, 1.0));
}

#[test]
fn durations_add_up_from_the_inside() {
    let (total, attempt) = (timeout("w", SECOND * 3), timeout("w", MS * 200));
    let twice = retrying(twice());
    // Nothing limits the service itself.
    assert_eq!(duration(&[]), None);
    assert_eq!(duration(&[&breaker("w"), &bulkhead("w")]), None);
    assert_eq!(duration(&[&attempt]), Some(MS * 200));
    assert_eq!(duration(&[&total, &attempt]), Some(MS * 200));
    assert_eq!(duration(&[&twice, &attempt]), Some(MS * 500));
    assert_eq!(duration(&[&twice]), None);
    assert_eq!(duration(&[&total, &twice]), Some(SECOND * 3));
    // Waits for a turn.
    let (queue, quota) = (bulkhead("w").queue(8, MS * 300), RateLimitLayer::new(Quota::per_second(9)));
    assert_eq!(duration(&[&queue, &attempt]), Some(MS * 500));
    assert_eq!(duration(&[&quota.clone().wait(MS * 400), &attempt]), Some(MS * 600));
    assert_eq!(duration(&[&quota, &attempt]), Some(MS * 200));
    let every_attempt_waits = 2 * 500 + 100;
    assert_eq!(duration(&[&twice, &queue, &attempt]), Some(MS * every_attempt_waits));
    assert_eq!(duration(&[&queue, &twice, &attempt]), Some(MS * 800));
    // A closure answers at once; nobody knows how long another service takes.
    assert_eq!(duration(&[&FallbackLayer::value(1_u64), &attempt]), Some(MS * 200));
    let other = FallbackLayer::service(service_fn(|_: u64| async { Ok::<u64, Fail>(1) }));
    assert_eq!(duration(&[&other, &attempt]), None);
    assert_eq!(duration(&[&total, &other, &attempt]), Some(SECOND * 3));
    // A foreign layer counts for nothing.
    assert_eq!(duration(&[&Foreign::new("trace", ()), &attempt]), Some(MS * 200));
    // What only counts does nothing.
    assert_eq!(duration(&[&timeout("w", MS).dry_run(true), &attempt]), Some(MS * 200));
    assert_eq!(worst(&[&twice.dry_run(true), &attempt]).attempts, 1);
}

#[test]
fn pauses_are_as_long_as_anybody_may_ask_for() {
    let attempt = timeout("w", MS * 200);
    let policy = |backoff: Backoff| twice().max_attempts(4).backoff(backoff);
    let of = |policy: RetryPolicy| duration(&[&retrying(policy), &attempt]).unwrap().as_millis();
    let backoff = Backoff::exponential(MS * 100);
    for jitter in [Jitter::None, Jitter::Full, Jitter::Equal] {
        assert_eq!(of(policy(backoff).jitter(jitter)), 800 + 100 + 200 + 400, "{jitter:?}");
    }
    assert_eq!(of(policy(backoff).jitter(Jitter::Decorrelated)), 800 + 300 + 900 + 2_000);
    assert_eq!(of(policy(backoff.cap(MS * 150))), 800 + 100 + 150 + 150);
    // The dependency asks, up to the cap.
    assert_eq!(of(policy(backoff).retry_after_cap(MS * 300)), 800 + 300 + 300 + 400);
    assert_eq!(of(RetryPolicy::default()), 3 * 200 + 2 * 30_000);
    // Our own rate limit asks, up to the cap of the back-off.
    let quota = RateLimitLayer::new(Quota::per_second(1));
    let with_quota = duration(&[&retrying(policy(backoff)), &quota, &attempt]).unwrap();
    assert_eq!(with_quota.as_millis(), 800 + 3 * 2_000);
    // As many attempts as there can be are not counted one by one.
    let endless = policy(backoff).max_attempts(u32::MAX);
    assert!(of(endless) > u128::from(u32::MAX) * 2_000);
}

#[test]
fn attempts_and_amplification_multiply() {
    let attempt = timeout("w", MS * 200);
    let (a, b) = (retrying(twice()), retrying(RetryPolicy::default().budget(None)));
    let of = |parts: &[&dyn Part]| {
        let WorstCase { attempts, amplification, .. } = worst(parts);
        (attempts, (amplification * 1e6).round() / 1e6)
    };
    assert_eq!(of(&[&attempt]), (1, 1.0));
    assert_eq!(of(&[&a]), (2, 1.5));
    assert_eq!(of(&[&b]), (3, 3.0));
    assert_eq!(of(&[&a, &b]), (6, 4.5));
    // A budget that allows more than the attempts.
    assert_eq!(of(&[&retrying(twice().budget(budget(5.0)))]), (2, 2.0));
    // What others save up may be spent here.
    let pool = RetryBudget::new(budget(0.5));
    let alone = retrying(twice()).budget(pool.clone());
    assert_eq!(of(&[&alone]), (2, 1.5));
    let _other = retrying(twice()).budget(pool);
    assert_eq!(of(&[&alone]), (2, 2.0));
}

/// What the service does with an attempt: fails after a time, and asks to come back after another.
#[derive(Clone, Copy, Debug)]
struct Step {
    takes: Duration,
    asks: Duration,
}

/// A service that does what comes next; when nothing is left, it answers at once.
fn scripted(
    steps: impl IntoIterator<Item = Step>,
) -> (impl Service<u64, Response = u64, Error = Fail, Future: Send> + Clone + Send + 'static, Arc<AtomicU32>)
{
    let steps: Arc<Mutex<VecDeque<Step>>> = Arc::new(Mutex::new(steps.into_iter().collect()));
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let service = service_fn(move |request: u64| {
        counted.fetch_add(1, SeqCst);
        let step = steps.lock().unwrap().pop_front();
        async move {
            let Some(step) = step else { return Ok(request) };
            if !step.takes.is_zero() {
                sleep(step.takes).await;
            }
            Err(CallError::Inner(TestError(u64::try_from(step.asks.as_millis()).unwrap())))
        }
    });
    (service, attempts)
}

type AsAsked = ClassifyFn<fn(Result<&u64, &Fail>) -> Verdict>;

/// The error says how long to wait.
fn as_asked(layer: RetryLayer) -> RetryLayer<AsAsked> {
    layer.classify_fn(|result| match result {
        Ok(_) => Verdict::success(),
        Err(CallError::Inner(TestError(wait))) => Verdict::failure("asked").after(MS * *wait as u32),
        Err(rejected) => rejected.verdict(),
    })
}

/// Numbers without a pattern, the same each time.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |n| {
        Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|n| n >> 33)
    .skip(1)
}

/// Ten steps, of times around those that matter.
fn random_steps(seed: u64, limit: Duration, cap: Duration) -> Vec<Step> {
    let mut draw = numbers(seed);
    let mut pick = |from: [Duration; 6]| from[usize::try_from(draw.next().unwrap() % 6).unwrap()];
    let long = SECOND * 3_600;
    (0..10)
        .map(|_| Step {
            takes: pick([Duration::ZERO, limit / 2, limit - MS, limit, limit + MS, long]),
            asks: pick([Duration::ZERO, Duration::ZERO, cap / 2, cap, cap * 2, long]),
        })
        .collect()
}

/// How long a call takes of a stack that `make` makes around this script. Timers round up to milliseconds, so
/// it may take one more for each thing that it waits for.
async fn simulate<L, S>(make: impl Fn() -> L, expected: WorstCase, steps: Vec<Step>) -> Duration
where
    L: Layer<tower::util::BoxCloneSyncService<u64, u64, Fail>, Service = S>,
    S: Service<u64, Response = u64, Error = Fail>,
{
    let (service, attempts) = scripted(steps.clone());
    let mut service = make().layer(tower::util::BoxCloneSyncService::new(service));
    let start = Instant::now();
    let _ = call(&mut service, 1).await;
    let (took, attempts) = (start.elapsed(), attempts.load(SeqCst));
    assert!(attempts <= expected.attempts, "{attempts} attempts: {steps:?}");
    let slack = MS * (3 * expected.attempts);
    assert!(took <= expected.duration.unwrap() + slack, "{took:?} of {expected:?}: {steps:?}");
    took
}

/// The stack never takes longer than it says, and with these steps it takes (nearly) as long.
async fn holds<L, S>(make: impl Fn() -> L, slowest: Vec<Step>, limit: Duration, cap: Duration)
where
    L: Layer<tower::util::BoxCloneSyncService<u64, u64, Fail>, Service = S> + Part,
    S: Service<u64, Response = u64, Error = Fail>,
{
    let expected = worst(&[&make()]);
    for seed in 0..300 {
        simulate(&make, expected, random_steps(seed, limit, cap)).await;
    }
    let took = simulate(&make, expected, slowest).await;
    let most = expected.duration.unwrap();
    assert!(took + MS * (3 * expected.attempts) >= most, "{took:?} instead of {most:?}");
}

/// Each attempt fails just before its time is over, and the service asks for the longest pause.
fn slowest(limit: Duration, asks: Duration) -> Vec<Step> {
    vec![Step { takes: limit - MS, asks }; 20]
}

#[tokio::test(start_paused = true)]
async fn no_call_of_a_client_stack_takes_longer() {
    let make = || client_stack("sim-client").retry(as_asked(retry("sim-client")));
    holds(make, slowest(SECOND, SECOND * 2), SECOND, SECOND * 2).await;
}

#[tokio::test(start_paused = true)]
async fn no_call_without_a_total_takes_longer() {
    let limit = MS * 200;
    for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
        let backoff = Backoff::exponential(MS * 100);
        let policy = RetryPolicy::default().max_attempts(5).backoff(backoff).jitter(jitter).budget(None);
        for asks in [Duration::ZERO, MS * 700, SECOND * 5] {
            let policy = policy.clone().retry_after_cap(asks);
            let make = || (as_asked(retrying(policy.clone())), breaker("sim"), timeout("sim", limit));
            let is_exact = jitter == Jitter::None || asks > backoff.cap;
            if is_exact {
                holds(make, slowest(limit, asks * 2), limit, SECOND).await;
            } else {
                let expected = worst(&[&make()]);
                for seed in 0..200 {
                    simulate(make, expected, random_steps(seed, limit, SECOND)).await;
                    simulate(make, expected, slowest(limit, asks * 2)).await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_of_nested_retries_takes_longer() {
    let limit = MS * 50;
    let inner = || as_asked(RetryLayer::new(twice().jitter(Jitter::None).budget(None)));
    let outer = || as_asked(RetryLayer::new(twice().max_attempts(3).jitter(Jitter::None).budget(None)));
    holds(|| (outer(), inner(), timeout("sim", limit)), slowest(limit, Duration::ZERO), limit, MS).await;
    let total = MS * 300;
    holds(
        || (timeout("sim", total), outer(), inner(), timeout("sim", limit)),
        slowest(limit, Duration::ZERO),
        limit,
        MS,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_call_that_waits_for_its_turn_takes_longer() {
    let limit = MS * 100;
    let policy = || twice().jitter(Jitter::None).budget(None);
    let mut longest = Duration::ZERO;
    for seed in 0..200 {
        let queue = BulkheadLayer::new(1).queue(4, MS * 300);
        let bulkhead = queue.bulkhead();
        // Somebody else takes the place again and again.
        let rival = tokio::spawn(async move {
            for n in numbers(seed) {
                if let Ok(permit) = bulkhead.acquire().await {
                    sleep(MS * u32::try_from(n % 320).unwrap()).await;
                    permit.complete();
                }
            }
        });
        tokio::task::yield_now().await;
        let quota = RateLimitLayer::new(Quota::every(MS * 90)).wait(MS * 150);
        quota.limiter().try_admit().unwrap();
        let make = || (as_asked(retrying(policy())), queue.clone(), quota.clone(), timeout("sim", limit));
        let expected = worst(&[&make()]);
        assert_eq!(expected.duration, Some(2 * (MS * 300 + MS * 150 + limit) + MS * 100));
        let took = simulate(make, expected, random_steps(seed, limit, MS)).await;
        longest = longest.max(took);
        rival.abort();
    }
    let without_waits = 2 * limit + MS * 100;
    assert!(longest > without_waits * 2, "the waits matter: {longest:?}");
}

#[tokio::test(start_paused = true)]
async fn no_dependency_gets_more_requests_in_the_long_run() {
    for (ratio, attempts) in [(0.1, 3), (0.5, 4), (2.0, 2)] {
        let policy = RetryPolicy::default().max_attempts(attempts).budget(budget(ratio));
        let layer = retrying(policy);
        let expected = worst(&[&layer]).amplification;
        let (service, sent) =
            scripted(std::iter::repeat_n(Step { takes: Duration::ZERO, asks: Duration::ZERO }, 100_000));
        let mut service = layer.layer(service);
        let calls = 10_000;
        for request in 0..calls {
            assert!(call(&mut service, request).await.is_err());
        }
        let amplification = f64::from(sent.load(SeqCst)) / calls as f64;
        assert!((amplification - expected).abs() < 0.01, "{amplification} instead of {expected}");
    }
}

#[test]
fn a_breaker_that_is_not_ready_while_it_is_open_knows_no_limit() {
    let stack = client_stack("backpressure").without_total_timeout();
    assert!(stack.explain().worst_case().duration.is_some());
    let breaker = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).backpressure();
    let stack = client_stack("backpressure").circuit_breaker(breaker);
    assert_eq!(stack.explain().worst_case().duration, Some(Duration::from_secs(3)));
    assert_eq!(stack.without_total_timeout().explain().worst_case().duration, None);
}

#[test]
fn repeats_that_another_stack_earned_may_all_be_spent_here() {
    let retry = RetryLayer::new(RetryPolicy::default()).name("both");
    let one = client_stack("one").retry(retry.clone());
    assert!(one.explain().worst_case().amplification < 1.2);
    let other = client_stack("other").retry(retry);
    assert_eq!(one.explain().worst_case().amplification, 3.0);
    assert_eq!(other.explain().worst_case().amplification, 3.0);
}
