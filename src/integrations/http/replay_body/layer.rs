use std::task::{Context, Poll};

use http::Request;
use http_body::Body;
use tower::{Layer, Service};

use super::body::ReplayBody;

/// What is recorded of a body unless said otherwise: 64 KiB.
const CAP: usize = 64 * 1024;

/// Makes requests repeatable whose body is a stream: goes around a [`RetryLayer`](crate::RetryLayer).
///
/// The services inside get a [`ReplayBody`], which tells the retry layer by itself whether and how it can be sent again.
///
/// ```
/// use std::time::Duration;
/// use buttress::{Backoff, BoxError, RetryLayer, RetryPolicy, http::{ReplayBody, ReplayBodyLayer}};
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::{BodyExt, combinators::BoxBody};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// type Streamed = BoxBody<Bytes, BoxError>;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let upload = ServiceBuilder::new()
///     .layer(ReplayBodyLayer::new())
///     .layer(RetryLayer::new(RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1)))))
///     .service(service_fn(|request: Request<ReplayBody<Streamed>>| async move {
///         let body = request.into_body().collect().await?.to_bytes();
///         assert_eq!(body, "from a stream");
///         let status = if buttress::retry::current_attempt() < 3 { 503 } else { 200 };
///         Ok::<_, BoxError>(Response::builder().status(status).body(body)?)
///     }));
///
/// let body = Streamed::new(String::from("from a stream").map_err(BoxError::from));
/// let response = upload.oneshot(Request::put("/file").body(body).unwrap()).await.unwrap();
/// assert_eq!(response.status(), 200);
/// # }
/// ```
///
/// # Clients with a body type of their own
///
/// `hyper_util`'s client takes any body. One that does not gets the body wrapped again, innermost:
/// `.map_request(|request: Request<ReplayBody<_>>| request.map(tonic::body::Body::new))`, and likewise
/// `axum::body::Body::new` or `reqwest::Body::wrap`.
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct ReplayBodyLayer {
    cap: usize,
}

impl ReplayBodyLayer {
    /// Records up to 64 KiB of each body. Larger bodies are sent once.
    pub fn new() -> Self {
        Self::up_to(CAP)
    }

    /// Records up to this many bytes of each body, while the call runs. Larger bodies are sent once.
    pub fn up_to(cap: usize) -> Self {
        Self { cap }
    }
}

impl Default for ReplayBodyLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ReplayBodyLayer {
    type Service = ReplayBodyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ReplayBodyService { inner, cap: self.cap }
    }
}

/// A service that gets request bodies which can be sent again. Made by a [`ReplayBodyLayer`].
#[derive(Clone, Copy, Debug)]
pub struct ReplayBodyService<S> {
    inner: S,
    cap: usize,
}

impl<S> ReplayBodyService<S> {
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

impl<S, B> Service<Request<B>> for ReplayBodyService<S>
where
    S: Service<Request<ReplayBody<B>>>,
    B: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.inner.call(request.map(|body| ReplayBody::new(body, self.cap)))
    }
}
