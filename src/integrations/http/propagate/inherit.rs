use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use tower::{Layer, Service};

use super::future::RefusableFuture;
use super::headers::{DeadlineHeader, RequestHead};
use crate::deadline::{self, Deadline, Scope};
use crate::macros::ready_and_oneshot;
use crate::name::Name;
use crate::reject::{Convert, OnReject, RejectWith, Rejected};
use crate::sync::{Arc, AtomicU64, Ordering::Relaxed};

/// Takes the caller's deadline from the request: for servers, outermost.
///
/// The time that a header tells becomes the ambient [deadline](crate::deadline), from the moment the request came in:
/// a timeout inside ends at it, a queue is left at it, a retry does not wait beyond it, and a
/// [`PropagateLayer`](super::PropagateLayer) hands on what is left. What comes with no time left is refused before any
/// work is done for it, with 504 (gRPC: `DEADLINE_EXCEEDED`, by [`reject_as`](Self::reject_as)), as a
/// [`TimedOut`](crate::RejectedKind::TimedOut) that was [cut short](Rejected::was_cut_short) and never sent.
///
/// It does not end a handler by itself. A [`TimeoutLayer`](crate::TimeoutLayer) inside does, as there is in
/// `server_stack`.
///
/// Read are `grpc-timeout`, `request-timeout-ms`, and what Envoy tells the service behind it,
/// `x-envoy-expected-rq-timeout-ms`; the least of them counts. What cannot be read tells nothing, and a time that
/// is too long to be represented is none. Whatever a caller claims, it can only make its own time shorter.
///
/// # Callers that are not trusted
///
/// A time-out at the caller's deadline says nothing about what was called, so that no breaker counts it. A caller that tells a
/// time too short for any answer makes this server call what lies behind it all the same, gives up each time, and no
/// breaker learns from it: if it is most of the traffic, a dependency that hangs is called on and on. So take deadlines only from
/// callers that mean them. Where anybody may call, let the edge take the headers out of what comes from outside, read
/// only one that the edge sets itself ([`headers`](Self::headers)), or say which time is the least that makes sense
/// ([`at_least`](Self::at_least)).
///
/// ```
/// use std::{convert::Infallible, time::Duration};
/// use buttress::{deadline, http::InheritDeadlineLayer};
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let service = ServiceBuilder::new().layer(InheritDeadlineLayer::new()).service(service_fn(
///     |_: Request<()>| async {
///         assert!(deadline::current().unwrap().remaining() <= Duration::from_millis(250));
///         Ok::<_, Infallible>(Response::new(()))
///     },
/// ));
/// let request = |time: &str| Request::builder().header("request-timeout-ms", time).body(()).unwrap();
/// assert_eq!(service.clone().oneshot(request("250")).await.unwrap().status(), 200);
/// assert_eq!(service.oneshot(request("0")).await.unwrap().status(), 504);
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct InheritDeadlineLayer<R = Convert> {
    name: Name,
    headers: Arc<[DeadlineHeader]>,
    at_least: Duration,
    /// A count of its own, hence relaxed.
    expired: Arc<AtomicU64>,
    on_reject: R,
}

impl InheritDeadlineLayer {
    /// Reads the headers above.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            name: Name::of_caller(),
            headers: Arc::new([DeadlineHeader::GRPC, DeadlineHeader::OURS, DeadlineHeader::ENVOYS]),
            at_least: Duration::ZERO,
            expired: Arc::default(),
            on_reject: Convert,
        }
    }
}

impl Default for InheritDeadlineLayer {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<R> InheritDeadlineLayer<R> {
    /// The name in rejections. By default the place that made the layer.
    pub fn name(self, name: impl Into<Name>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Reads only these headers.
    pub fn headers(self, headers: impl IntoIterator<Item = DeadlineHeader>) -> Self {
        Self { headers: headers.into_iter().collect(), ..self }
    }

    /// Gives a caller that tells a shorter time this one, by default zero.
    ///
    /// A time-out that the deadline cuts short says nothing about the dependency, so no breaker counts it. For breakers to see
    /// one that hangs, also while callers tell times that are too short, this has to be longer than the time-outs behind
    /// this layer and what comes before them: 2 s for the usual time-out of 1 s.
    /// One that tells it has no time left is refused as ever, and a deadline that is in force around this layer holds.
    ///
    /// ```
    /// use std::{convert::Infallible, time::Duration};
    /// use buttress::{deadline, http::InheritDeadlineLayer};
    /// use http::{Request, Response};
    /// use tower::{ServiceBuilder, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let layer = InheritDeadlineLayer::new().at_least(Duration::from_secs(2));
    /// let service = ServiceBuilder::new().layer(layer).service(service_fn(|_: Request<()>| async {
    ///     assert!(deadline::current().unwrap().remaining() > Duration::from_secs(1));
    ///     Ok::<_, Infallible>(Response::new(()))
    /// }));
    /// let request = Request::builder().header("request-timeout-ms", "1").body(()).unwrap();
    /// assert_eq!(service.oneshot(request).await.unwrap().status(), 200);
    /// # }
    /// ```
    pub fn at_least(self, time: Duration) -> Self {
        Self { at_least: time, ..self }
    }

    /// What the caller gets whose time was over. By default [`Convert`].
    pub fn on_reject<F>(self, on_reject: F) -> InheritDeadlineLayer<RejectWith<F>> {
        self.reject_as(RejectWith(on_reject))
    }

    /// The same, by a strategy.
    pub fn reject_as<R2>(self, on_reject: R2) -> InheritDeadlineLayer<R2> {
        let Self { name, headers, at_least, expired, .. } = self;
        InheritDeadlineLayer { name, headers, at_least, expired, on_reject }
    }

    /// How many requests came with no time left.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.expired.load(Relaxed)
    }

    /// The time that the caller allows.
    fn allowed(&self, headers: &HeaderMap) -> Option<Duration> {
        let told = self.headers.iter().filter_map(|header| header.read(headers)).min()?;
        Some(if told.is_zero() { told } else { told.max(self.at_least) })
    }

    /// Whether there is no time left, given what the caller allows.
    fn refuse(&self, allowed: Option<Duration>) -> Option<Rejected> {
        deadline::current().filter(|deadline| deadline.remaining().is_zero())?;
        self.expired.fetch_add(1, Relaxed);
        Some(Rejected::came_late(self.name.into(), allowed.unwrap_or_default()))
    }
}

impl<S, R: Clone> Layer<S> for InheritDeadlineLayer<R> {
    type Service = InheritDeadlineService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        InheritDeadlineService { inner, layer: self.clone() }
    }
}

/// A service that works under its callers' deadlines. Made by an [`InheritDeadlineLayer`].
#[derive(Clone, Debug)]
pub struct InheritDeadlineService<S, R = Convert> {
    inner: S,
    layer: InheritDeadlineLayer<R>,
}

impl<S, R> InheritDeadlineService<S, R> {
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

ready_and_oneshot!(InheritDeadlineService<S, R>, [S, R]);

impl<S, R, Req> Service<Req> for InheritDeadlineService<S, R>
where
    S: Service<Req>,
    Req: RequestHead,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RefusableFuture<Scope<S::Future>, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let allowed = self.layer.allowed(request.headers());
        let deadline = allowed.map(Deadline::after);
        let _in_force = deadline.map(Deadline::enter);
        let sent = match self.layer.refuse(allowed) {
            Some(rejected) => Err(rejected),
            None => Ok(deadline::scope(deadline, self.inner.call(request))),
        };
        RefusableFuture::new(sent, self.layer.on_reject.clone())
    }
}
