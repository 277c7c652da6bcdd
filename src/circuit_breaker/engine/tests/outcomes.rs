//! The defaults, judged by what comes of them: a client that calls at a steady rate, with the time as an argument.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::circuit_breaker::{
    CircuitBreaker, CircuitBreakerConfig, CircuitPermit, CircuitReason, CircuitState,
};
use crate::rng::Rng;
use crate::sync::{Arc, Mutex, lock};
use crate::units::Instant;
use crate::verdict::Verdict;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// When the simulation begins: later than the clock of this process, which the breaker is made by.
const START: Duration = Duration::from_secs(100_000);

fn instant(at: Duration) -> Instant {
    Instant::from_nanos(0).saturating_add(START + at)
}

/// How one call ends, and after what time.
type Service<'a> = dyn Fn(Duration, f64) -> (Result<(), &'static str>, Duration) + 'a;

/// When the breaker went where.
type Trace = Arc<Mutex<Vec<(CircuitState, CircuitReason)>>>;

struct Client {
    breaker: CircuitBreaker,
    rng: Rng,
    interval: Duration,
    next_call: Duration,
    ends: BinaryHeap<Reverse<(Duration, u64)>>,
    in_flight: BTreeMap<u64, (CircuitPermit, Result<(), &'static str>)>,
    /// More calls than this are not sent: a bulkhead below the breaker.
    limit: usize,
    number: u64,
    trace: Trace,
    states: Vec<(Duration, CircuitState)>,
}

impl Client {
    fn new(config: CircuitBreakerConfig, per_second: u32, seed: u64) -> Self {
        let breaker = CircuitBreaker::new(config.seed(seed));
        let trace = Trace::default();
        let seen = Arc::clone(&trace);
        breaker.subscribe(move |event| lock(&seen).push((event.to, event.reason))).keep();
        Self {
            breaker,
            rng: Rng::new(Some(seed)),
            interval: SECOND / per_second,
            next_call: Duration::ZERO,
            ends: BinaryHeap::new(),
            in_flight: BTreeMap::new(),
            limit: usize::MAX,
            number: 0,
            trace,
            states: Vec::new(),
        }
    }

    fn run(&mut self, until: Duration, service: &Service<'_>) {
        while self.next_call < until {
            let end = self.ends.peek().map_or(Duration::MAX, |end| end.0.0);
            if end <= self.next_call {
                self.end();
            } else {
                self.call(service);
            }
        }
    }

    fn call(&mut self, service: &Service<'_>) {
        let now = self.next_call;
        self.next_call += self.interval;
        let admitted = self.breaker.try_admit_at(instant(now));
        self.look(now);
        let Ok(permit) = admitted else { return };
        if self.in_flight.len() >= self.limit {
            permit.settle_at(Verdict::ignored("bulkhead_full"), instant(now));
            return;
        }
        let (result, time) = service(now, self.rng.unit());
        self.number += 1;
        self.in_flight.insert(self.number, (permit, result));
        self.ends.push(Reverse((now + time, self.number)));
    }

    fn end(&mut self) {
        let Some(Reverse((now, number))) = self.ends.pop() else { return };
        if let Some((permit, result)) = self.in_flight.remove(&number) {
            let verdict = result.map_or_else(Verdict::failure, |()| Verdict::success());
            permit.settle_at(verdict, instant(now));
            self.look(now);
        }
    }

    fn look(&mut self, now: Duration) {
        let state = self.breaker.state();
        if self.states.last().is_none_or(|last| last.1 != state) {
            self.states.push((now, state));
        }
    }

    /// When it was in this state for the first time at or after this.
    fn first(&self, state: CircuitState, after: Duration) -> Option<Duration> {
        self.states.iter().find(|(at, seen)| *seen == state && *at >= after).map(|(at, _)| *at)
    }

    fn times(&self, state: CircuitState) -> usize {
        lock(&self.trace).iter().filter(|(to, _)| *to == state).count()
    }
}

fn healthy(_: Duration, _: f64) -> (Result<(), &'static str>, Duration) {
    (Ok(()), MS)
}

fn failing(_: Duration, _: f64) -> (Result<(), &'static str>, Duration) {
    (Err("connect"), MS)
}

/// CB-47: an outage after a minute of health.
fn outage_opens_at(per_second: u32, limit: usize, service: &Service<'_>) -> Duration {
    let mut client = Client::new(CircuitBreakerConfig::default(), per_second, 1);
    client.limit = limit;
    client.run(60 * SECOND, &healthy);
    client.run(70 * SECOND, service);
    let (_, reason) = lock(&client.trace)[0];
    assert_eq!(reason, CircuitReason::Outage);
    client.first(CircuitState::Open, Duration::ZERO).unwrap() - 60 * SECOND
}

#[test]
fn cb_47_an_outage_opens_it_after_a_second() {
    // Up to one call until the first one fails, and up to one after the second is over.
    let calls = 2 * SECOND / 280;
    let at = outage_opens_at(280, usize::MAX, &failing);
    assert!((SECOND..=SECOND + calls + MS).contains(&at), "{at:?}");
}

#[test]
fn cb_47_an_outage_opens_it_at_two_calls_per_second_with_the_fifth_failure() {
    assert_eq!(outage_opens_at(2, usize::MAX, &failing), 2 * SECOND + MS);
}

#[test]
fn cb_47_calls_that_hang_behind_a_bulkhead_open_it_a_second_after_the_first_of_them_ended() {
    let at = outage_opens_at(280, 64, &|_, _| (Err("timeout"), SECOND));
    assert!((2 * SECOND..=2 * SECOND + 10 * MS).contains(&at), "{at:?}");
}

#[test]
fn cb_47_one_success_starts_the_count_anew() {
    let once = |now: Duration, _: f64| {
        let is_answered = now.abs_diff(60 * SECOND + 900 * MS) < 2 * MS;
        (if is_answered { Ok(()) } else { Err("connect") }, MS)
    };
    let at = outage_opens_at(280, usize::MAX, &once);
    assert!((1_900 * MS..1_910 * MS).contains(&at), "{at:?}");
}

#[test]
fn cb_48_partial_failure_stays_closed() {
    for seed in 0..20 {
        let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
        let rng = Rng::new(Some(seed));
        for call in 0..600 * 280 {
            let now = instant(call * SECOND / 280);
            let verdict = if rng.unit() < 0.3 { Verdict::failure("503") } else { Verdict::success() };
            breaker.try_admit_at(now).unwrap().settle_at(verdict, now);
        }
        assert_eq!((breaker.state(), breaker.snapshot().opened), (CircuitState::Closed, 0), "seed {seed}");
    }
}

/// The first calls of a breaker, and those after each close, are few: chance must not look like an outage.
#[test]
fn cb_48_partial_failure_does_not_open_one_that_has_just_begun() {
    let opened = |seed| {
        let breaker = CircuitBreaker::new(CircuitBreakerConfig::default());
        let rng = Rng::new(Some(seed));
        (0..400).any(|call| {
            let now = instant(call * SECOND / 70);
            let verdict = if rng.unit() < 0.3 { Verdict::failure("503") } else { Verdict::success() };
            breaker.try_admit_at(now).is_ok_and(|permit| {
                permit.settle_at(verdict, now);
                breaker.state() != CircuitState::Closed
            })
        })
    };
    assert_eq!((0..2_000).filter(|&seed| opened(seed)).count(), 0);
}

/// How long after an outage of this length it is closed again.
fn recovery(outage: u32, seed: u64) -> Duration {
    let mut client = Client::new(CircuitBreakerConfig::default(), 100, seed);
    let back = (2 + outage) * SECOND;
    client.run(2 * SECOND, &healthy);
    client.run(back, &failing);
    client.run(back + 20 * SECOND, &healthy);
    client.first(CircuitState::Closed, back).unwrap() - back
}

#[test]
fn cb_49_it_closes_soon_after_an_outage() {
    for outage in [8, 30, 120] {
        let mut times: Vec<_> = (0..20).map(|seed| recovery(outage, seed)).collect();
        times.sort();
        let (median, most) = (times[10], times[19]);
        assert!(most <= 15 * SECOND * 5 / 4 && median <= 8 * SECOND, "{outage} s: {median:?}, {most:?}");
    }
}

#[test]
fn cb_49_residual_errors_do_not_keep_it_open() {
    let mut soon = 0;
    for seed in 0..20 {
        let mut client = Client::new(CircuitBreakerConfig::default(), 100, seed);
        client.run(2 * SECOND, &healthy);
        client.run(10 * SECOND, &failing);
        let before = client.times(CircuitState::HalfOpen);
        client.run(60 * SECOND, &|_, random| (if random < 0.3 { Err("503") } else { Ok(()) }, 5 * MS));
        let trace = lock(&client.trace);
        let closed = trace.iter().position(|(to, _)| *to == CircuitState::Closed).unwrap();
        let cycles = trace[..closed].iter().filter(|(to, _)| *to == CircuitState::HalfOpen).count() - before;
        soon += usize::from(cycles <= 3);
    }
    assert!(soon >= 18, "{soon} of 20");
}

#[test]
fn what_an_outage_costs_the_service_is_a_few_calls_per_open_time() {
    let mut client = Client::new(CircuitBreakerConfig::default(), 280, 5);
    client.run(60 * SECOND, &healthy);
    let sent = client.number;
    client.run(180 * SECOND, &failing);
    // One second of calls until it opens, then 3 trial calls about every 9 s.
    assert!((280..360).contains(&(client.number - sent)), "{}", client.number - sent);
}
