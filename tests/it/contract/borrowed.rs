//! Layers that reject ask nothing of services, requests, responses and errors: here all of them borrow, and none can be
//! sent to another thread or cloned.

#![allow(clippy::redundant_allocation, reason = "an `Rc` of what borrows does both")]

use std::cell::Cell;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use buttress::{
    Answer, BulkheadLayer, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Fallen, Fault, Quota,
    RateLimitLayer, Rejected, TimeoutLayer, client_stack,
};
use tower::{Layer, Service};

struct Order<'a>(Rc<&'a str>);
#[derive(Debug)]
struct Receipt<'a>(Rc<&'a str>);
#[derive(Debug)]
enum Refusal<'a> {
    Rejected(Rejected),
    Ours(Rc<&'a str>),
}

impl Answer for Receipt<'_> {}

impl From<Rejected> for Refusal<'_> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl Fault for Refusal<'_> {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Ours(_) => None,
        }
    }
}

struct Shop<'a>(&'a Cell<u64>);

impl<'a> Service<Order<'a>> for Shop<'a> {
    type Response = Receipt<'a>;
    type Error = Refusal<'a>;
    type Future = Ready<Result<Receipt<'a>, Refusal<'a>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal<'a>>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, order: Order<'a>) -> Self::Future {
        self.0.set(self.0.get() + 1);
        ready(if order.0.is_empty() { Err(Refusal::Ours(order.0)) } else { Ok(Receipt(order.0)) })
    }
}

fn sells<'a, L>(layer: L, sold: &'a Cell<u64>, what: &'a str)
where
    L: Layer<Shop<'a>, Service: Service<Order<'a>, Response = Receipt<'a>, Error = Refusal<'a>>>,
{
    let mut service = layer.layer(Shop(sold));
    for (what, is_sold) in [(what, true), ("", false)] {
        assert!(service.poll_ready(&mut Context::from_waker(std::task::Waker::noop())).is_ready());
        let mut call = std::pin::pin!(service.call(Order(Rc::new(what))));
        match crate::support::poll_once(call.as_mut()) {
            Poll::Ready(Ok(Receipt(sold))) => assert_eq!((*sold, is_sold), (what, true)),
            Poll::Ready(Err(Refusal::Ours(refused))) => assert_eq!((*refused, is_sold), (what, false)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn they_may_borrow_and_need_not_be_send_or_clone() {
    let (sold, text) = (Cell::new(0), String::from("a book"));
    let (second, quota, config) =
        (Duration::from_secs(1), Quota::per_second(10), CircuitBreakerConfig::default);
    sells(TimeoutLayer::new(second), &sold, &text);
    sells(BulkheadLayer::new(1), &sold, &text);
    sells(BulkheadLayer::per_key(1, |order: &Order<'_>| Some(order.0.len())), &sold, &text);
    sells(CircuitBreakerLayer::new(config()), &sold, &text);
    sells(CircuitBreakerLayer::new(config()).backpressure(), &sold, &text);
    sells(CircuitBreakerLayer::per_key(config(), |order: &Order<'_>| Some(order.0.len())), &sold, &text);
    sells(RateLimitLayer::new(quota), &sold, &text);
    sells(RateLimitLayer::per_key(quota, |order: &Order<'_>| Some(order.0.len())), &sold, &text);
    sells(
        FallbackLayer::with(|fallen: Fallen<Receipt<'_>, Refusal<'_>>| fallen.into_result().unwrap()),
        &sold,
        &text,
    );
    sells(client_stack("borrowed").without_retry(), &sold, &text);
    assert_eq!(sold.get(), 20);
}
