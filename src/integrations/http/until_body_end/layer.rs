use std::fmt;

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::macros::ready_and_oneshot;

/// A circuit breaker or a bulkhead whose calls last until the end of the response's body. Made by
/// `until_body_end()` of the layer, also of one per key.
///
/// Without it, a call ends with the head of its response. That is right where the work is done by then, and bodies
/// are small; not where the answer is a long download, a stream of events or a streaming call of gRPC: then the work
/// goes on, and may fail, long after the head.
///
/// | | circuit breaker | bulkhead |
/// |---|---|---|
/// | the head is no success | settled at once | permit held until the body ends |
/// | the body ends | settled: a success, or what the [trailers](UntilBodyEnd::trailers) say | permit given back |
/// | the body fails | a failure, with the cause `body` | permit given back |
/// | the body is dropped half-way | cancelled, and never counted as a hung call | permit given back, cancelled |
/// | the body is empty, or at its end already | settled at once | permit given back at once |
///
/// The time that a call took is the time to the end of its body, for a breaker's rule about slow calls as well. The
/// response's body is another type, a [`HeldBody`](super::HeldBody).
///
/// ```
/// use std::convert::Infallible;
/// use buttress::BulkheadLayer;
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::{BodyExt, Full};
/// use tower::{ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layer = BulkheadLayer::new(8);
/// let bulkhead = layer.bulkhead();
/// let downloads = ServiceBuilder::new()
///     .layer(layer.until_body_end())
///     .service(service_fn(|_: Request<()>| async {
///         Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("a large file"))))
///     }));
///
/// let response = downloads.oneshot(Request::new(())).await.unwrap();
/// assert_eq!(bulkhead.snapshot().in_flight, 1);
/// assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "a large file");
/// assert_eq!(bulkhead.snapshot().in_flight, 0);
/// # }
/// ```
///
/// # Bodies that do not end
///
/// A stream of events or a gRPC stream without end holds its permit of the bulkhead for as long as it lasts: the
/// limit is then one of streams. A body that hangs does so too, and a breaker learns nothing of it. What ends such a
/// body is a limit of its own, which fails it. `tower-http` has two for `http` bodies, one for the time
/// between two frames and one for the whole body; they go inside of this layer:
///
/// ```
/// # #[cfg(feature = "full")] {
/// use std::time::Duration;
/// use buttress::{BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer};
/// use tower::ServiceBuilder;
/// use tower_http::timeout::{ResponseBodyDeadlineLayer, ResponseBodyTimeoutLayer};
/// # use http_body_util::Full;
/// # use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// # let http_client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
///
/// let downloads = ServiceBuilder::new()
///     .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default()).until_body_end())
///     .layer(BulkheadLayer::new(64).until_body_end())
///     .layer(ResponseBodyDeadlineLayer::new(Duration::from_secs(600)))   // the whole body
///     .layer(ResponseBodyTimeoutLayer::new(Duration::from_secs(10)))     // between two frames
///     .map_err(CallError::Inner)
///     .service(http_client);
/// # fn is_client<S: tower::Service<http::Request<Full<bytes::Bytes>>>>(_: S) {}
/// # is_client(downloads);
/// # }
/// ```
///
/// What was upgraded (a WebSocket) is no body: the call ends with the head.
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct UntilBodyEnd<L, T = Heads> {
    pub(super) layer: L,
    pub(super) trailers: T,
}

/// Asks nothing of trailers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heads;

impl<L, T> UntilBodyEnd<L, T> {
    /// The layer, for its handle.
    pub fn get_ref(&self) -> &L {
        &self.layer
    }
}

impl<S, L: Layer<S>, T: Clone> Layer<S> for UntilBodyEnd<L, T> {
    type Service = UntilBodyEndService<L::Service, T>;

    fn layer(&self, inner: S) -> Self::Service {
        UntilBodyEndService { service: self.layer.layer(inner), trailers: self.trailers.clone() }
    }
}

#[cfg(feature = "stack")]
impl<L: crate::explain::Part, T> crate::explain::Part for UntilBodyEnd<L, T> {
    fn describe(&self, tell: &mut dyn FnMut(crate::explain::PartInfo)) {
        self.layer.describe(tell);
    }
}

/// A service whose calls last until the end of the response's body. Made by an [`UntilBodyEnd`].
#[derive(Clone, Debug)]
pub struct UntilBodyEndService<X, T> {
    pub(super) service: X,
    pub(super) trailers: T,
}

/// What is inside is the service of the layer itself, which in turn has access to what it is around:
/// `service.get_ref().get_ref()`.
impl<X, T> UntilBodyEndService<X, T> {
    /// The service of the layer itself.
    pub fn get_ref(&self) -> &X {
        &self.service
    }

    /// The service of the layer itself. What is done to it must not change whether it is ready.
    pub fn get_mut(&mut self) -> &mut X {
        &mut self.service
    }

    /// The service of the layer itself, whose calls end with the head of the response.
    pub fn into_inner(self) -> X {
        self.service
    }
}

ready_and_oneshot!(UntilBodyEndService<X, T>, [X, T]);

pin_project! {
    /// The response future of an [`UntilBodyEndService`].
    #[must_use = "futures do nothing unless polled"]
    #[project = FutureProj]
    pub struct UntilBodyEndFuture<F, T> {
        #[pin]
        pub(super) future: F,
        pub(super) trailers: T,
    }
}

impl<F, T> fmt::Debug for UntilBodyEndFuture<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilBodyEndFuture").finish_non_exhaustive()
    }
}
