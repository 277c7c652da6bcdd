use std::borrow::Cow;

use tower::Layer;

use super::service::ExemptService;
use super::which::{ExemptPaths, ExemptWhen};

/// A layer that does not apply to some requests: health checks and metrics must be answered when a server is busiest,
/// or it is restarted for being full.
///
/// ```
/// use std::convert::Infallible;
/// use buttress::{BulkheadLayer, http::ExemptLayer};
/// use http::{Request, Response};
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let limit = BulkheadLayer::new(1);
/// let held = limit.bulkhead().try_admit().unwrap();
/// let handler = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
/// let service = ExemptLayer::new(limit, ["/healthz", "/metrics"]).layer(handler);
///
/// let get = |path: &str| service.clone().oneshot(Request::get(path).body(()).unwrap());
/// assert_eq!(get("/orders").await.unwrap().status(), 503);
/// assert_eq!(get("/healthz").await.unwrap().status(), 200);
/// # }
/// ```
///
/// It is the same for axum, tonic and hyper-util's server, and for whole stacks. Where the host can leave routes out by
/// itself, that is as good: in axum those that are added after `layer`, in tonic a service without a layer.
///
/// The layer must not change the type of the response, and what is inside must be `Clone`. A request that is exempt goes to
/// a clone of its own, which it waits for by itself: it never waits behind one that is limited. Only a mode that makes its
/// callers wait for readiness, such as [`backpressure`](crate::CircuitBreakerLayer::backpressure), makes all wait: nobody
/// knows yet which request will come.
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct ExemptLayer<L, P = ExemptPaths> {
    layer: L,
    exempt: P,
}

impl<L> ExemptLayer<L> {
    /// All requests but those for these paths go through the layer. A path that ends in `/` stands for all that begin
    /// with it, such as `/grpc.health.v1.Health/` for a service of gRPC; others are compared as they are, without the
    /// query.
    ///
    /// Of an inner router, such as axum's `nest` makes, it sees what is left of the path.
    pub fn new<P: Into<Cow<'static, str>>>(layer: L, paths: impl IntoIterator<Item = P>) -> Self {
        Self { layer, exempt: ExemptPaths::new(paths) }
    }
}

impl<L, F> ExemptLayer<L, ExemptWhen<F>> {
    /// All requests but those that the closure says `true` of go through the layer.
    pub fn when<Req>(layer: L, exempt: F) -> Self
    where
        F: Fn(&Req) -> bool,
    {
        Self { layer, exempt: ExemptWhen(exempt) }
    }
}

impl<L, P> ExemptLayer<L, P> {
    /// The layer, for its handle.
    pub fn get_ref(&self) -> &L {
        &self.layer
    }
}

impl<S: Clone, L: Layer<S>, P: Clone> Layer<S> for ExemptLayer<L, P> {
    type Service = ExemptService<L::Service, S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        ExemptService::new(self.layer.layer(inner.clone()), inner, self.exempt.clone())
    }
}

#[cfg(feature = "stack")]
impl<L: crate::explain::Part, P> crate::explain::Part for ExemptLayer<L, P> {
    fn describe(&self, tell: &mut dyn FnMut(crate::explain::PartInfo)) {
        self.layer.describe(tell);
    }
}
