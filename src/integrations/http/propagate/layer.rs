use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::headers::{DeadlineHeader, RequestHead, write_attempts};
use crate::attempt;
use crate::deadline;
use crate::integrations::grpc::verdict::is_grpc;

/// Tells the service that is called how much time is left, and how many attempts of this call came before: for
/// clients, innermost, so that each attempt tells what is true when it is sent.
///
/// | | gRPC, by its content type | other HTTP |
/// |---|---|---|
/// | time left until the [deadline](crate::deadline) in force, if there is one | `grpc-timeout` | `request-timeout-ms` ([`deadline_header`](Self::deadline_header)) |
/// | attempts before this one, if there were any | `grpc-previous-rpc-attempts` | `previous-attempts` |
///
/// The time is that of the nearest limit around: of the attempt, of the whole call, of whoever called us. A time that
/// the request tells already is never made longer. With no time left it says so; the service will refuse.
///
/// ```
/// use std::time::Duration;
/// use buttress::{BoxError, TimeoutLayer, http::PropagateLayer};
/// use http::Request;
/// use tower::{ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let client = ServiceBuilder::new()
///     .layer(TimeoutLayer::new(Duration::from_millis(500)))
///     .layer(PropagateLayer::new())
///     .service(service_fn(|request: Request<()>| async move {
///         Ok::<_, BoxError>(request.headers()["request-timeout-ms"].to_str()?.parse::<u64>()?)
///     }));
/// assert!((400..=500).contains(&client.oneshot(Request::new(())).await.unwrap()));
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct PropagateLayer {
    deadline: DeadlineHeader,
}

impl PropagateLayer {
    /// Writes the headers above.
    pub fn new() -> Self {
        Self { deadline: DeadlineHeader::OURS }
    }

    /// The header for the time left, in requests that are not gRPC.
    pub fn deadline_header(self, header: DeadlineHeader) -> Self {
        Self { deadline: header }
    }
}

impl Default for PropagateLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for PropagateLayer {
    type Service = PropagateService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PropagateService { inner, deadline: self.deadline.clone() }
    }
}

/// A service whose requests tell the time left and the attempts before. Made by a [`PropagateLayer`].
#[derive(Clone, Debug)]
pub struct PropagateService<S> {
    inner: S,
    deadline: DeadlineHeader,
}

impl<S> PropagateService<S> {
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

impl<S, Req> Service<Req> for PropagateService<S>
where
    S: Service<Req>,
    Req: RequestHead,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Req) -> S::Future {
        let headers = request.headers_mut();
        let is_grpc = is_grpc(headers);
        if let Some(deadline) = deadline::current() {
            let header = if is_grpc { &DeadlineHeader::GRPC } else { &self.deadline };
            let left = deadline.remaining();
            header.write(headers, header.read(headers).map_or(left, |told| told.min(left)));
        }
        let previous = attempt::current().saturating_sub(attempt::FIRST);
        if previous > 0 {
            write_attempts(headers, previous.into(), is_grpc);
        }
        self.inner.call(request)
    }
}
