use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::future::RefusableFuture;
use super::headers::{RequestHead, previous_attempts};
use crate::bulkhead::Bulkhead;
use crate::error::{InvalidConfig, valid};
use crate::macros::ready_and_oneshot;
use crate::reject::{Convert, OnReject, RejectWith};
use crate::units::Ratio;

/// Refuses repeats first when a server is under load: for servers, around their bulkhead.
///
/// A request that says that it is not the first attempt of its call is refused as soon as the bulkhead is fuller than
/// a share of its limit, by default the half. So what room there is goes to calls that were not tried yet, and a
/// wave of repeats ends here. A repeat is known by `previous-attempts` and `grpc-previous-rpc-attempts`, which a
/// [`PropagateLayer`](super::PropagateLayer) writes, and by `x-envoy-attempt-count`. A first attempt costs no more than
/// the look at these.
///
/// What is refused counts as refused by the bulkhead, and its caller is told not to come back at once: 503 with
/// `Retry-After`, or by [`reject_as`](Self::reject_as) a gRPC status with push-back. A bulkhead on dry run, or
/// switched off, refuses no repeats.
///
/// ```
/// use std::convert::Infallible;
/// use buttress::{http::RefuseRepeatsLayer, server_stack};
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let stack = server_stack("shop");
/// let bulkhead = stack.bulkhead.bulkhead();
/// let service = ServiceBuilder::new()
///     .layer(RefuseRepeatsLayer::new(bulkhead.clone()))
///     .layer(stack)
///     .service(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) }));
///
/// let _busy: Vec<_> = (0..32).map(|_| bulkhead.try_admit().unwrap()).collect();
/// let request = |before: &str| Request::builder().header("previous-attempts", before).body(()).unwrap();
/// assert_eq!(service.clone().oneshot(request("0")).await.unwrap().status(), 200);
/// assert_eq!(service.oneshot(request("1")).await.unwrap().status(), 503);
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct RefuseRepeatsLayer<R = Convert> {
    bulkhead: Bulkhead,
    share: Ratio,
    on_reject: R,
}

impl RefuseRepeatsLayer {
    /// Refuses repeats while half of this bulkhead or more is in use.
    pub fn new(bulkhead: Bulkhead) -> Self {
        Self { bulkhead, share: Ratio::HALF, on_reject: Convert }
    }
}

impl<R> RefuseRepeatsLayer<R> {
    /// From which share of the bulkhead's limit on repeats are refused. Default 0.5; above 0, at most 1.
    ///
    /// # Panics
    ///
    /// If it is out of its range. [`try_from_share`](Self::try_from_share) returns an error instead.
    pub fn from_share(self, share: f64) -> Self {
        valid(self.try_from_share(share))
    }

    /// Like [`from_share`](Self::from_share), for values that are not known to be valid.
    ///
    /// # Errors
    ///
    /// If it is out of its range.
    pub fn try_from_share(self, share: f64) -> Result<Self, InvalidConfig> {
        Ok(Self { share: Ratio::new("share", share)?, ..self })
    }

    /// What the caller of a refused repeat gets. By default [`Convert`].
    pub fn on_reject<F>(self, on_reject: F) -> RefuseRepeatsLayer<RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// The same, by a strategy.
    pub fn reject_as<R2>(self, on_reject: R2) -> RefuseRepeatsLayer<R2> {
        RefuseRepeatsLayer { bulkhead: self.bulkhead, share: self.share, on_reject }
    }
}

impl<S, R: Clone> Layer<S> for RefuseRepeatsLayer<R> {
    type Service = RefuseRepeatsService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { bulkhead, share, on_reject } = self.clone();
        RefuseRepeatsService { inner, bulkhead, share, on_reject }
    }
}

/// A service that refuses repeats under load. Made by a [`RefuseRepeatsLayer`].
#[derive(Clone, Debug)]
pub struct RefuseRepeatsService<S, R = Convert> {
    inner: S,
    bulkhead: Bulkhead,
    share: Ratio,
    on_reject: R,
}

impl<S, R> RefuseRepeatsService<S, R> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

ready_and_oneshot!(RefuseRepeatsService<S, R>, [S, R]);

impl<S, R, Req> Service<Req> for RefuseRepeatsService<S, R>
where
    S: Service<Req>,
    Req: RequestHead,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RefusableFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let is_repeat = previous_attempts(request.headers()) > 0;
        let refused = if is_repeat { self.bulkhead.refuse_from(self.share) } else { None };
        let sent = match refused {
            Some(rejected) => Err(rejected),
            None => Ok(self.inner.call(request)),
        };
        RefusableFuture::new(sent, self.on_reject.clone())
    }
}
