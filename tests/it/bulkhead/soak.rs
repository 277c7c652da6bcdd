//! Many calls that end in every way, and many threads.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress::{Bulkhead, BulkheadLayer, CallError};
use tower::{Layer, Service};

use super::{counts, send};
use crate::support::{Act, Strict, call, poll_once};

/// Answers at the second poll; panics, without the noise of a message, where the request says so.
#[derive(Clone, Debug)]
struct Light;

struct Answer(u64, bool);

impl Service<u64> for Light {
    type Response = u64;
    type Error = CallError<()>;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Answer {
        if request % 200 == 3 {
            resume_unwind(Box::new(()));
        }
        Answer(request, false)
    }
}

impl Future for Answer {
    type Output = Result<u64, CallError<()>>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0 % 200 == 5 {
            resume_unwind(Box::new(()));
        }
        if std::mem::replace(&mut self.1, true) { Poll::Ready(Ok(self.0)) } else { Poll::Pending }
    }
}

/// One call in ten is dropped, before or after its first poll; one in a hundred panics.
fn soak<S: Service<u64, Response = u64, Error = CallError<()>>>(service: &mut S, calls: u64) -> [u64; 3] {
    let [mut completed, mut cancelled, mut panicked] = [0; 3];
    for request in 0..calls {
        let end = catch_unwind(AssertUnwindSafe(|| {
            let mut future = send(service, request);
            if request % 20 == 7 {
                return false;
            }
            assert!(poll_once(future.as_mut()).is_pending());
            request % 20 != 17 && poll_once(future.as_mut()) == Poll::Ready(Ok(request))
        }));
        match end {
            Ok(true) => completed += 1,
            Ok(false) => cancelled += 1,
            Err(_) => (cancelled, panicked) = (cancelled + 1, panicked + 1),
        }
    }
    [completed, cancelled, panicked]
}

#[test]
fn bh_09_a_million_calls_that_end_in_every_way_leak_nothing() {
    const CALLS: u64 = 1_000_000;
    let reject_now = BulkheadLayer::new(1);
    let queued = BulkheadLayer::new(1).queue(1, Duration::MAX);
    let ends = [
        (reject_now.bulkhead(), soak(&mut reject_now.layer(Light), CALLS / 2)),
        (queued.bulkhead(), soak(&mut queued.layer(Light), CALLS / 2)),
    ];
    for (bulkhead, [completed, cancelled, panicked]) in ends {
        let seen = counts(&bulkhead);
        assert_eq!((seen.completed, seen.cancelled, seen.panicked), (completed, cancelled, panicked));
        assert_eq!((seen.calls, seen.in_flight, seen.waiting), (CALLS / 2, 0, 0));
        assert!(cancelled > CALLS / 2 / 10 && panicked == CALLS / 2 / 100, "{cancelled} {panicked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bh_01_never_more_than_the_limit_in_flight() {
    let (inner, probe) = Strict::new(|_, request| Act::Yield(1 + (request % 5) as u32));
    let layer = BulkheadLayer::new(8).queue(1_000, Duration::MAX);
    let service = layer.layer(inner);
    let calls: Vec<_> = (0..1_000)
        .map(|request| {
            let mut service = service.clone();
            tokio::spawn(async move { call(&mut service, request).await })
        })
        .collect();
    for (request, answer) in (0..1_000).zip(calls) {
        assert_eq!(answer.await.unwrap(), Ok(request));
    }
    assert_eq!((probe.peak(), probe.completions(), probe.violations()), (8, 1_000, 0));
    let seen = counts(&layer.bulkhead());
    assert_eq!((seen.completed, seen.in_flight, seen.waiting), (1_000, 0, 0));
}

/// Tasks on several threads that wait, give up at any moment and release, while the limit moves and
/// snapshots are read.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiters_that_give_up_lose_nothing_to_anybody() {
    let bulkhead = Bulkhead::new(3);
    bulkhead.set_queue(64, Duration::MAX).unwrap();
    let tasks: Vec<_> = (0..32_u64)
        .map(|task| {
            let bulkhead = bulkhead.clone();
            tokio::spawn(async move {
                for round in 0..200 {
                    let acquired = if (task + round) % 4 == 0 {
                        // Gives up after a few turns of the scheduler.
                        let turns = async {
                            for _ in 0..round % 3 {
                                tokio::task::yield_now().await
                            }
                        };
                        tokio::select! {
                            acquired = bulkhead.acquire() => acquired,
                            () = turns => continue,
                        }
                    } else {
                        bulkhead.acquire().await
                    };
                    let permit = acquired.unwrap();
                    tokio::task::yield_now().await;
                    if round % 5 == 0 {
                        drop(permit)
                    } else {
                        permit.complete()
                    }
                    if task == 0 {
                        bulkhead.set_limit(1 + (round % 4) as usize).unwrap();
                        counts(&bulkhead);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let seen = counts(&bulkhead);
    assert_eq!((seen.in_flight, seen.waiting, seen.rejected), (0, 0, 0));
    assert!(seen.abandoned > 0 && seen.cancelled > 0, "{seen:?}");
}
