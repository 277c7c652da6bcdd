//! The HTTP row: tower_governor and the counterpart of ours, each by a header, in the way their documentation does it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use ::buttress::{Quota, RateLimitLayer};
use axum::body::Body;
use http::{HeaderValue, Request, Response};
use tower::{Layer, Service};
use tower_governor::GovernorLayer;
use tower_governor::errors::GovernorError;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;

use super::kit::above;
use super::{BURST, Maker, RATE, Subject};
use crate::measure::requests;

const KEY: &str = "x-api-key";
/// So many clients.
const CLIENTS: u64 = 1_000;

/// Answers with an empty body.
#[derive(Clone, Copy, Debug)]
struct Server;

impl Service<Request<()>> for Server {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

/// Requests of many clients in turn.
fn request() -> impl Fn(u64) -> Request<()> {
    let keys: Vec<_> = (0..CLIENTS)
        .map(|client| HeaderValue::from_str(&format!("client-{client:04}")).expect("letters"))
        .collect();
    move |i| {
        let mut request = Request::new(());
        request.headers_mut().insert(KEY, keys[(i % CLIENTS) as usize].clone());
        request
    }
}

pub fn bare() -> Subject {
    Subject::new(Maker::Bare, "HTTP", requests(Server, request()))
}

pub fn ours() -> Subject {
    let quota = Quota::per_second(RATE).burst(BURST);
    let key = |request: &Request<()>| request.headers().get(KEY).cloned();
    let service = RateLimitLayer::per_key(quota, key).name("peers").layer(Server);
    let future = above::<_, _, Request<()>>(&service, &Server);
    Subject::new(Maker::Buttress, "per_key", requests(service, request()))
        .future(future)
        .note("bounded: max_keys")
}

pub fn theirs() -> Subject {
    let mut config = GovernorConfigBuilder::default();
    let mut config = config.per_nanosecond(1).burst_size(BURST).key_extractor(ByHeader);
    let service = GovernorLayer::new(config.finish().expect("a valid quota")).layer(Server);
    let future = above::<_, _, Request<()>>(&service, &Server);
    Subject::new(Maker::TowerGovernor, "", requests(service, request()))
        .future(future)
        .note("unbounded until somebody calls retain_recent")
}

/// The same key as ours: the header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ByHeader;

impl KeyExtractor for ByHeader {
    type Key = HeaderValue;

    fn extract<T>(&self, request: &Request<T>) -> Result<HeaderValue, GovernorError> {
        request.headers().get(KEY).cloned().ok_or(GovernorError::UnableToExtractKey)
    }
}
