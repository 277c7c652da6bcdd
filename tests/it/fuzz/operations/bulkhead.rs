//! A bulkhead beside a number of permits and a list of those who wait.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use buttress::{Bulkhead, BulkheadPermit, Rejected, RejectedKind};
use tokio::time::{Instant, advance};

use super::super::input::Input;
use super::super::laws;

type Wait = Pin<Box<dyn Future<Output = Result<BulkheadPermit, Rejected>>>>;

struct Waiter {
    wait: Wait,
    number: u64,
    due: Instant,
}

/// What one would write down.
#[derive(Default)]
struct Plain {
    limit: usize,
    queue_len: usize,
    max_wait: Duration,
    in_flight: usize,
    admitted: u64,
    cancelled: u64,
    rejected: u64,
    abandoned: u64,
    /// Who waits, in order; and who was called and does not know yet.
    waiting: VecDeque<u64>,
    called: Vec<u64>,
}

impl Plain {
    fn is_open(&self) -> bool {
        self.waiting.is_empty() && self.in_flight < self.limit
    }

    fn admit(&mut self) {
        self.in_flight += 1;
        self.admitted += 1;
    }

    fn call_those_next(&mut self) {
        while self.in_flight < self.limit
            && let Some(next) = self.waiting.pop_front()
        {
            self.admit();
            self.called.push(next);
        }
    }

    fn release(&mut self) {
        self.in_flight -= 1;
        self.call_those_next();
    }

    /// Whether it had been called.
    fn leave(&mut self, number: u64) -> bool {
        self.waiting.retain(|waiter| *waiter != number);
        let before = self.called.len();
        self.called.retain(|called| *called != number);
        self.called.len() < before
    }
}

struct Pair {
    bulkhead: Bulkhead,
    plain: Plain,
    permits: Vec<BulkheadPermit>,
    waiters: Vec<Waiter>,
    numbers: u64,
}

pub async fn run(input: &mut Input<'_>) {
    let limit = 1 + input.below(4);
    let plain = Plain { limit, ..Plain::default() };
    let (permits, waiters) = (Vec::new(), Vec::new());
    let mut pair = Pair { bulkhead: Bulkhead::new(limit), plain, permits, waiters, numbers: 0 };
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        match input.below(10) {
            0 | 1 => pair.try_admit(),
            2 | 3 => pair.acquire(),
            4 | 5 => pair.end(input),
            6 if !pair.waiters.is_empty() => pair.look(input.below(pair.waiters.len())),
            7 if !pair.waiters.is_empty() => pair.give_up(input.below(pair.waiters.len())),
            8 => advance(input.pause()).await,
            9 => pair.set(input),
            _ => {}
        }
        pair.compare();
    }
    while !pair.waiters.is_empty() {
        pair.give_up(0);
    }
    pair.permits.clear();
    let s = pair.bulkhead.snapshot();
    assert_eq!((s.in_flight, s.waiting), (0, 0), "{s:?}");
}

impl Pair {
    fn try_admit(&mut self) {
        let admitted = self.bulkhead.try_admit();
        assert_eq!(admitted.is_ok(), self.plain.is_open());
        match admitted {
            Ok(permit) => {
                self.plain.admit();
                self.permits.push(permit);
            }
            Err(rejected) => {
                assert_eq!(rejected.kind(), RejectedKind::BulkheadFull);
                self.plain.rejected += 1;
            }
        }
    }

    fn acquire(&mut self) {
        let bulkhead = self.bulkhead.clone();
        let mut wait: Wait = Box::pin(async move { bulkhead.acquire().await });
        match poll(&mut wait) {
            Poll::Ready(Ok(permit)) => {
                assert!(self.plain.is_open(), "a newcomer passed those who wait");
                self.plain.admit();
                self.permits.push(permit);
            }
            Poll::Ready(Err(rejected)) => {
                assert!(!self.plain.is_open() && self.plain.waiting.len() >= self.plain.queue_len);
                let full = if self.plain.queue_len == 0 {
                    RejectedKind::BulkheadFull
                } else {
                    RejectedKind::QueueFull
                };
                assert_eq!(rejected.kind(), full);
                self.plain.rejected += 1;
            }
            Poll::Pending => {
                assert!(!self.plain.is_open() && self.plain.waiting.len() < self.plain.queue_len);
                self.numbers += 1;
                self.plain.waiting.push_back(self.numbers);
                let due = Instant::now() + self.plain.max_wait;
                self.waiters.push(Waiter { wait, number: self.numbers, due });
            }
        }
    }

    fn end(&mut self, input: &mut Input<'_>) {
        if self.permits.is_empty() {
            return;
        }
        let permit = self.permits.swap_remove(input.below(self.permits.len()));
        if input.is() {
            permit.complete();
        } else {
            drop(permit);
            self.plain.cancelled += 1;
        }
        self.plain.release();
    }

    /// One who waits is polled.
    fn look(&mut self, which: usize) {
        let waiter = &mut self.waiters[which];
        let polled = poll(&mut waiter.wait);
        let (number, due) = (waiter.number, waiter.due);
        if polled.is_pending() {
            assert!(self.plain.waiting.contains(&number), "called, and not told");
            assert!(Instant::now() < due, "waits for longer than the limit");
            return;
        }
        drop(self.waiters.swap_remove(which));
        let was_called = self.plain.leave(number);
        match polled {
            Poll::Ready(Ok(permit)) => {
                assert!(was_called);
                self.permits.push(permit);
            }
            Poll::Ready(Err(rejected)) => {
                assert!(!was_called && Instant::now() >= due);
                assert_eq!(rejected.kind(), RejectedKind::QueueTimeout);
                self.plain.rejected += 1;
            }
            Poll::Pending => {}
        }
    }

    fn give_up(&mut self, which: usize) {
        let waiter = self.waiters.swap_remove(which);
        drop(waiter.wait);
        if self.plain.leave(waiter.number) {
            self.plain.cancelled += 1;
            self.plain.release();
        } else {
            self.plain.abandoned += 1;
        }
    }

    fn set(&mut self, input: &mut Input<'_>) {
        if input.is() {
            let limit = 1 + input.below(6);
            assert!(self.bulkhead.set_limit(limit).is_ok());
            self.plain.limit = limit;
            self.plain.call_those_next();
        } else {
            let (len, wait) = (1 + input.below(6), Duration::from_millis(1 + u64::from(input.short())));
            assert!(self.bulkhead.set_queue(len, wait).is_ok());
            (self.plain.queue_len, self.plain.max_wait) = (len, wait);
        }
    }

    fn compare(&self) {
        let s = self.bulkhead.snapshot();
        let plain = &self.plain;
        assert_eq!((s.in_flight, s.waiting), (plain.in_flight as u64, plain.waiting.len() as u64), "{s:?}");
        let seen = (s.admitted, s.rejected, s.cancelled, s.abandoned);
        assert_eq!(seen, (plain.admitted, plain.rejected, plain.cancelled, plain.abandoned), "{s:?}");
        laws::hold(self.bulkhead.clone());
    }
}

fn poll(wait: &mut Wait) -> Poll<Result<BulkheadPermit, Rejected>> {
    wait.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
