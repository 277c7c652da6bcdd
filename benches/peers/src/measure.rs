//! How one subject is run: so many calls one after the other, `ready().await` and `call().await` each, on a runtime
//! of one thread.

use std::fmt::Debug;
use std::hint::black_box;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};

use crate::work::{AtOnce, Failure};

/// Makes so many calls and tells how long they took.
pub type Run = Box<dyn FnMut(u64) -> Duration>;

thread_local! {
    static RUNTIME: &'static Runtime = Box::leak(Box::new(
        Builder::new_current_thread().enable_time().build().expect("a runtime of one thread"),
    ));
}

/// The runtime of this thread. One for all subjects, since some leave a task behind in the one they were made in.
pub fn runtime() -> &'static Runtime {
    RUNTIME.with(|runtime| *runtime)
}

/// Runs on the runtime of the thread that calls; the calls are numbered on from round to round, so that all keys get
/// their turn. Without tokio's cooperative budget: a loop of many calls uses it up, as a request of its own does not,
/// and those who ask tokio whether they may proceed would be told to wait.
fn timed(mut calls: impl AsyncFnMut(Range<u64>) + 'static) -> Run {
    let mut next = 0;
    Box::new(move |count| {
        let numbers = next..next + count;
        next = numbers.end;
        runtime().block_on(async {
            let start = Instant::now();
            tokio::task::unconstrained(calls(numbers)).await;
            start.elapsed()
        })
    })
}

/// Calls that are answered.
pub fn answered<S>(service: S) -> Run
where
    S: Service<u64, Error: Debug> + 'static,
{
    requests(service, |request| request)
}

/// Calls that are answered, whose requests have to be made first.
pub fn requests<S, Req: 'static>(mut service: S, request: impl Fn(u64) -> Req + 'static) -> Run
where
    S: Service<Req, Error: Debug> + 'static,
{
    timed(async move |calls| {
        for i in calls {
            let request = request(black_box(i));
            let service = service.ready().await.expect("ready");
            black_box(&service.call(request).await.expect("answered"));
        }
    })
}

/// Calls that are refused.
pub fn refused<S>(mut service: S) -> Run
where
    S: Service<u64, Response: Debug, Error: Debug> + 'static,
{
    timed(async move |calls| {
        for i in calls {
            let service = service.ready().await.expect("ready");
            black_box(&service.call(black_box(i)).await.expect_err("refused"));
        }
    })
}

/// Calls through something that is no tower service, to the same bare service.
pub fn through<E: Debug + 'static>(
    mut call: impl AsyncFnMut(AtOnce, u64) -> Result<u64, E> + 'static,
) -> Run {
    let mut bare = AtOnce;
    timed(async move |calls| {
        for i in calls {
            let service = ServiceExt::<u64>::ready(&mut bare).await.expect("ready");
            black_box(call(*service, black_box(i)).await.expect("answered"));
        }
    })
}

/// Decisions that are refusals, of something that is no tower service.
pub fn denied(mut ask: impl FnMut() -> Result<(), Failure> + 'static) -> Run {
    timed(async move |calls| {
        for _ in calls {
            black_box(ask().expect_err("refused"));
        }
    })
}

/// The same from two threads at once; each makes all the calls, and the time is the mean of both.
pub fn by_two(make: impl FnOnce() -> Run + Send + Clone + 'static) -> Run {
    let start = Arc::new(Barrier::new(2));
    let threads = [(); 2].map(|()| thread(make.clone(), Arc::clone(&start)));
    Box::new(move |count| {
        for (orders, _) in &threads {
            orders.send(count).expect("the thread waits for orders");
        }
        let times = threads.iter().map(|(_, times)| times.recv().expect("the thread answers"));
        times.sum::<Duration>() / 2
    })
}

/// Makes as many calls as it is told to, when the other one does, and tells how long they took.
fn thread(
    make: impl FnOnce() -> Run + Send + 'static,
    start: Arc<Barrier>,
) -> (SyncSender<u64>, Receiver<Duration>) {
    // Their room is made once: it is no allocation of a call.
    let (order, orders) = sync_channel(1);
    let (answer, times) = sync_channel(1);
    std::thread::spawn(move || {
        let mut run = make();
        while let Ok(count) = orders.recv() {
            start.wait();
            // Nobody listens any more when the comparison is over.
            let _ = answer.send(run(count));
        }
    });
    (order, times)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn each_round_goes_on_where_the_last_one_ended() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let note = |seen: &Rc<RefCell<Vec<u64>>>, i| seen.borrow_mut().push(i);
        let (layer, core) = (Rc::clone(&seen), Rc::clone(&seen));
        let layered = requests(AtOnce, move |i| {
            note(&layer, i);
            i
        });
        let through = through(async move |mut service, i| {
            note(&core, i);
            service.call(i).await
        });
        for mut run in [layered, through] {
            for calls in [2, 0, 3] {
                run(calls);
            }
            assert_eq!(seen.take(), [0, 1, 2, 3, 4]);
        }
    }
}
