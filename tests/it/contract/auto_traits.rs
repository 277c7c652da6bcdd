//! What the types are, whatever is inside.

use std::fmt::Debug;
use std::future::{Ready, ready};
use std::rc::Rc;
use std::task::{Context, Poll};

use buttress::http::{PeekTrailersLayer, ReplayBody, ReplayBodyLayer};
use buttress::{Quota, RateLimitLayer};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::util::BoxService;
use tower::{Layer, Service, service_fn};

use super::checks::Subject;
use super::over_http::OverHttp;
use crate::support::{Fail, Strict, now};

fn layer_traits<T: Clone + Send + Sync + Debug + 'static>(_: &T) {}
fn service_traits<T: Clone + Send + Sync + Debug + 'static>(_: &T) {}
fn future_traits<T: Send + Sync + 'static>(_: &T) {}

/// An inner service with every auto trait.
#[derive(Clone, Debug)]
pub struct Plain;

impl Service<u64> for Plain {
    type Response = u64;
    type Error = Fail;
    type Future = Ready<Result<u64, Fail>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fail>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        ready(Ok(request))
    }
}

pub fn of_layer<L>(make: impl Fn() -> L)
where
    L: Subject + Layer<Plain> + Send + Sync + Debug + 'static,
    <L as Layer<Plain>>::Service: Service<u64, Response = u64, Error = Fail, Future: Send + Sync + 'static>
        + Clone
        + Send
        + Sync
        + Debug
        + 'static,
{
    let layer = make();
    layer_traits(&layer);
    let mut service = Layer::<Plain>::layer(&layer, Plain);
    service_traits(&service);
    let _ = service.poll_ready(&mut Context::from_waker(std::task::Waker::noop()));
    future_traits(&service.call(1));
    // Its `Debug` shows something, and no service or closure has to be shown for it.
    assert!(!format!("{layer:?}").is_empty());
    let _strict: <L as Layer<Strict>>::Service = Layer::<Strict>::layer(&layer, Strict::ok().0);
}

/// An inner service with none of them.
#[derive(Debug)]
pub struct Bare(Rc<u64>);

impl Service<u64> for Bare {
    type Response = u64;
    type Error = Fail;
    type Future = BareFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fail>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> BareFuture {
        BareFuture(Rc::clone(&self.0), request)
    }
}

pub struct BareFuture(Rc<u64>, u64);

impl Future for BareFuture {
    type Output = Result<u64, Fail>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(*self.0 + self.1))
    }
}

/// Neither `Clone` nor `Sync`, as the clients of kube and others hand out.
type Boxed = BoxService<u64, u64, Fail>;

pub fn takes_any_inner_service<L>(make: impl Fn() -> L)
where
    L: Layer<Bare, Service: Service<u64, Response = u64, Error = Fail>>,
    L: Layer<Boxed, Service: Service<u64, Response = u64, Error = Fail>>,
{
    let mut service = Layer::<Bare>::layer(&make(), Bare(Rc::new(1)));
    assert_eq!(now(&mut service, 2), Ok(3));
    let mut service = Layer::<Boxed>::layer(&make(), BoxService::new(Plain));
    assert_eq!(now(&mut service, 2), Ok(2));
}

#[test]
fn layers_for_http_that_do_not_go_through_the_suite_have_them_too() {
    let limit = || RateLimitLayer::new(Quota::per_second(10));
    of_layer(|| OverHttp(PeekTrailersLayer::new()));
    of_layer(|| OverHttp(limit().headers("ours")));
    let per_key =
        || RateLimitLayer::per_key(Quota::per_second(10), |request: &Request<u64>| Some(*request.body()));
    of_layer(|| OverHttp(per_key().headers("ours")));

    // Its inner service takes requests of another type.
    let layer = ReplayBodyLayer::new();
    layer_traits(&layer);
    let mut service = layer.layer(service_fn(|_: Request<ReplayBody<Full<Bytes>>>| ready(Ok::<_, Fail>(()))));
    service_traits(&service);
    let _ = Service::<Request<Full<Bytes>>>::poll_ready(
        &mut service,
        &mut Context::from_waker(std::task::Waker::noop()),
    );
    future_traits(&service.call(Request::new(Full::<Bytes>::default())));
}
