//! Beside tower's `ConcurrencyLimit`: alone, which waits, and under its `LoadShed`, which does not.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use buttress::BulkheadLayer;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::{BoxError, Layer, Service, ServiceExt};

use crate::history::{Draw, Index, histories, histories_of_each, ms, replay};
use crate::world::{Task, World};

#[derive(Clone, Copy, Debug)]
enum Op {
    Call,
    Answer(Index),
    Drop(Index),
}

impl Op {
    fn of(mut draw: Draw) -> Self {
        match draw.below(10) {
            0..5 => Self::Call,
            5..8 => Self::Answer(draw.index()),
            _ => Self::Drop(draw.index()),
        }
    }
}

/// Who was called, in that order; and who of them may answer.
#[derive(Clone, Default)]
struct Inner {
    called: Rc<RefCell<Vec<usize>>>,
    answers: Rc<RefCell<Vec<usize>>>,
}

impl Service<usize> for Inner {
    type Response = ();
    type Error = BoxError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, number: usize) -> Self::Future {
        self.called.borrow_mut().push(number);
        let answers = Rc::clone(&self.answers);
        Box::pin(std::future::poll_fn(move |_| {
            if answers.borrow().contains(&number) { Poll::Ready(Ok(())) } else { Poll::Pending }
        }))
    }
}

/// One of the two, and its calls.
struct Side {
    inner: Inner,
    send: Box<dyn FnMut(usize) -> Task<bool>>,
    calls: Vec<(usize, Task<bool>)>,
    /// Whether those that ended were answered.
    ended: Vec<(usize, bool)>,
}

impl Side {
    /// Each caller has a clone of its own.
    fn waits<S>(inner: Inner, service: S) -> Self
    where
        S: Service<usize> + Clone + 'static,
    {
        let send = move |number| {
            let service = service.clone();
            Task::new(async move { service.oneshot(number).await.is_ok() })
        };
        Self { inner, send: Box::new(send), calls: Vec::new(), ended: Vec::new() }
    }

    fn rejects<S>(inner: Inner, mut service: S) -> Self
    where
        S: Service<usize> + 'static,
    {
        let send = move |number| {
            assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
            let answer = service.call(number);
            Task::new(async move { answer.await.is_ok() })
        };
        Self { inner, send: Box::new(send), calls: Vec::new(), ended: Vec::new() }
    }

    fn step(&mut self, number: usize, op: Op) {
        match op {
            Op::Call => self.calls.push((number, (self.send)(number))),
            Op::Drop(index) => drop(index.take(&mut self.calls)),
            Op::Answer(index) => {
                let called = self.inner.called.borrow();
                let in_flight: Vec<_> =
                    (0..self.calls.len()).filter(|at| called.contains(&self.calls[*at].0)).collect();
                drop(called);
                if let Some(at) = index.of(in_flight.len()).map(|index| in_flight[index]) {
                    self.inner.answers.borrow_mut().push(self.calls[at].0);
                    self.poll(at);
                }
            }
        }
        while let Some(at) = self.calls.iter().position(|(_, task)| task.is_woken()) {
            self.poll(at);
        }
    }

    fn poll(&mut self, at: usize) {
        if let Poll::Ready(answered) = self.calls[at].1.poll() {
            let (number, _) = self.calls.remove(at);
            self.ended.push((number, answered));
        }
    }
}

fn compare(mut ours: Side, mut theirs: Side, history: &[u64]) -> TestCaseResult {
    let mut number = 0;
    replay(history, Op::of, |op| {
        number += 1;
        ours.step(number, op);
        theirs.step(number, op);
        prop_assert_eq!(&*ours.inner.called.borrow(), &*theirs.inner.called.borrow());
        prop_assert_eq!(&ours.ended, &theirs.ended);
        Ok(())
    })
}

proptest! {
    #![proptest_config(histories_of_each(1_000))]

    #[test]
    fn a_bulkhead_rejects_what_a_concurrency_limit_sheds(limit in 1..6_usize, history in histories()) {
        World::run(|_| {
            let [ours, theirs] = [Inner::default(), Inner::default()];
            let layers = (LoadShedLayer::new(), ConcurrencyLimitLayer::new(limit));
            compare(
                Side::rejects(ours.clone(), BulkheadLayer::new(limit).layer(ours)),
                Side::rejects(theirs.clone(), layers.layer(theirs)),
                &history,
            )
        })?;
    }

    #[test]
    fn a_bulkhead_with_a_queue_serves_in_the_order_of_a_concurrency_limit(
        limit in 1..6_usize,
        history in histories(),
    ) {
        World::run(|_| {
            let [ours, theirs] = [Inner::default(), Inner::default()];
            let queued = BulkheadLayer::new(limit).queue(1_000, ms(60_000));
            compare(
                Side::waits(ours.clone(), queued.layer(ours)),
                Side::waits(theirs.clone(), ConcurrencyLimitLayer::new(limit).layer(theirs)),
                &history,
            )
        })?;
    }
}
