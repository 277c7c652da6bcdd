//! Those who use engines by hand, without tower and without any time limit: whoever is not woken here hangs for ever.

use std::ops::AddAssign;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;

use buttress::Verdict;
use tokio::task::yield_now;

use crate::dice::Dice;
use crate::stack::Engines;

/// What they did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub breaker_admitted: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub bulkhead_asked: u64,
    pub bulkhead_admitted: u64,
    pub completed: u64,
    pub refused: u64,
    /// Waiters of the bulkhead that let go: some of them were admitted in this very moment.
    pub let_go: u64,
}

impl AddAssign for Done {
    fn add_assign(&mut self, other: Self) {
        self.breaker_admitted += other.breaker_admitted;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.bulkhead_asked += other.bulkhead_asked;
        self.bulkhead_admitted += other.bulkhead_admitted;
        self.completed += other.completed;
        self.refused += other.refused;
        self.let_go += other.let_go;
    }
}

pub async fn use_by_hand(engines: Engines, mut dice: Dice, stop: &AtomicBool) -> Done {
    let mut done = Done::default();
    while !stop.load(Relaxed) {
        if dice.below(4) == 0 {
            breaker(&engines, &mut dice, &mut done).await;
        } else {
            bulkhead(&engines, &mut dice, &mut done).await;
        }
    }
    done
}

async fn breaker(engines: &Engines, dice: &mut Dice, done: &mut Done) {
    let polls = if dice.below(4) == 0 { 1 } else { u32::MAX };
    let Some(permit) = polled(engines.breaker.acquire(), polls).await else { return yield_now().await };
    done.breaker_admitted += 1;
    yield_now().await;
    match dice.below(16) {
        0 => {
            done.failed += 1;
            permit.settle(Verdict::failure("by hand"));
        }
        1 => drop(permit),
        _ => {
            done.succeeded += 1;
            permit.settle(Verdict::success());
        }
    }
}

async fn bulkhead(engines: &Engines, dice: &mut Dice, done: &mut Done) {
    let polls = if dice.below(4) == 0 { 1 + dice.below(3) as u32 } else { u32::MAX };
    done.bulkhead_asked += 1;
    match polled(engines.bulkhead.acquire(), polls).await {
        Some(Ok(permit)) => {
            done.bulkhead_admitted += 1;
            yield_now().await;
            if dice.below(8) == 0 {
                drop(permit);
            } else {
                permit.complete();
                done.completed += 1;
            }
        }
        Some(Err(_)) => done.refused += 1,
        None => done.let_go += 1,
    }
    yield_now().await;
}

/// What comes of it, if it comes within so many polls.
async fn polled<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}
