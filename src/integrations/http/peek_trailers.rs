//! A look at what follows the head of a gRPC response, for a retry around.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::response::Parts;
use http::{HeaderMap, HeaderName, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::integrations::grpc::verdict::{PUSHBACK, STATUS, is_grpc};

const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// Lets a retry see the status of a gRPC call that failed before its first message: goes right inside of a
/// [`RetryLayer`](crate::RetryLayer).
///
/// A server may tell such a status in the head of the response, or in trailers right after it. By its head, the second
/// kind looks like a success that cannot be repeated any more. This layer waits for the first frame of a gRPC
/// response that has no status yet. If that brings the trailers, the status in them is put into the head as well, for the
/// classifiers around; anything else passes through untouched, and what was waited for comes first.
///
/// Other responses are not looked at. Do not use it for calls whose server waits for a second message of the
/// client before it sends its first: their head would wait as well.
///
/// ```
/// use buttress::{BoxError, http::PeekTrailersLayer};
/// use bytes::Bytes;
/// use http::{HeaderMap, Request, Response};
/// use http_body_util::{BodyExt, Empty};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let service = PeekTrailersLayer::new().layer(service_fn(|_: Request<()>| async {
///     let trailers = HeaderMap::from_iter([("grpc-status".parse()?, "14".parse()?)]);
///     let body = Empty::<Bytes>::new().with_trailers(std::future::ready(Some(Ok(trailers))));
///     let response = Response::builder().header("content-type", "application/grpc");
///     Ok::<_, BoxError>(response.body(Box::pin(body))?)
/// }));
/// let response = service.oneshot(Request::new(())).await.unwrap();
/// assert_eq!(response.headers()["grpc-status"], "14");
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing unless it is applied to a service"]
#[non_exhaustive]
pub struct PeekTrailersLayer;

impl PeekTrailersLayer {
    /// Looks at gRPC responses without a status.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for PeekTrailersLayer {
    type Service = PeekTrailersService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PeekTrailersService { inner }
    }
}

/// A service whose answers show their trailers early. Made by a [`PeekTrailersLayer`].
#[derive(Clone, Copy, Debug)]
pub struct PeekTrailersService<S> {
    inner: S,
}

impl<S> PeekTrailersService<S> {
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

impl<S, Req, B> Service<Req> for PeekTrailersService<S>
where
    S: Service<Req, Response = Response<B>>,
    B: Body + Unpin,
{
    type Response = Response<PeekedBody<B>>;
    type Error = S::Error;
    type Future = PeekTrailersFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        PeekTrailersFuture { head: self.inner.call(request), response: None }
    }
}

pin_project! {
    /// The response future of a [`PeekTrailersService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct PeekTrailersFuture<F, B: Body> {
        #[pin]
        head: F,
        // Once the head is there, until the first frame is.
        response: Option<(Parts, PeekedBody<B>)>,
    }
}

impl<F, B, E> Future for PeekTrailersFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body + Unpin,
{
    type Output = Result<Response<PeekedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut head, mut body) = match this.response.take() {
            Some(response) => response,
            None => {
                let (head, body) = ready!(this.head.poll(cx))?.into_parts();
                (head, PeekedBody::new(body))
            }
        };
        let is_open = is_grpc(&head.headers) && !head.headers.contains_key(STATUS);
        if is_open && body.poll_first(cx).is_pending() {
            *this.response = Some((head, body));
            return Poll::Pending;
        }
        if let Some(First::Frame(Ok(frame))) = &body.first
            && let Some(trailers) = frame.trailers_ref()
        {
            copy_status(trailers, &mut head.headers);
        }
        Poll::Ready(Ok(Response::from_parts(head, body)))
    }
}

/// What else is in trailers has no business in a head (RFC 9110, section 6.5), and what the head says stays.
fn copy_status(trailers: &HeaderMap, head: &mut HeaderMap) {
    for name in [STATUS, PUSHBACK, MESSAGE, DETAILS] {
        if let Some(value) = trailers.get(&name)
            && !head.contains_key(&name)
        {
            // A head that is full shows no status, as if nobody had looked.
            let _ = head.try_insert(name, value.clone());
        }
    }
}

impl<F, B: Body> fmt::Debug for PeekTrailersFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeekTrailersFuture").finish_non_exhaustive()
    }
}

/// A body of which the first frame may be there already. See [`PeekTrailersLayer`].
pub struct PeekedBody<B: Body> {
    first: Option<First<B>>,
    has_skipped: bool,
    body: B,
}

enum First<B: Body> {
    Frame(Result<Frame<B::Data>, B::Error>),
    End,
}

// The frame is never pinned.
impl<B: Body + Unpin> Unpin for PeekedBody<B> {}

impl<B: Body> PeekedBody<B> {
    fn new(body: B) -> Self {
        Self { first: None, has_skipped: false, body }
    }
}

impl<B: Body + Unpin> PeekedBody<B> {
    /// Waits until it is known what comes first. One frame without data is nothing.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let is_empty =
                |frame: &Frame<B::Data>| frame.data_ref().is_some_and(|data| !data.has_remaining());
            match frame {
                Some(Ok(frame)) if !self.has_skipped && is_empty(&frame) => self.has_skipped = true,
                first => {
                    self.first = Some(first.map_or(First::End, First::Frame));
                    return Poll::Ready(());
                }
            }
        }
    }
}

impl<B: Body + Default> Default for PeekedBody<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B: Body + Unpin> Body for PeekedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.first.take() {
            Some(First::Frame(first)) => Poll::Ready(Some(first)),
            Some(First::End) => {
                self.first = Some(First::End);
                Poll::Ready(None)
            }
            None => Pin::new(&mut self.body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.first {
            Some(First::Frame(_)) => false,
            Some(First::End) => true,
            None => self.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let first = match &self.first {
            Some(First::Frame(Ok(frame))) => frame.data_ref().map_or(0, Buf::remaining),
            _ => 0,
        };
        let first = u64::try_from(first).unwrap_or(u64::MAX);
        let rest = self.body.size_hint();
        let mut size = SizeHint::new();
        size.set_lower(rest.lower().saturating_add(first));
        if let Some(upper) = rest.upper() {
            size.set_upper(upper.saturating_add(first));
        }
        size
    }
}

impl<B: Body> fmt::Debug for PeekedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeekedBody").field("has_first", &self.first.is_some()).finish_non_exhaustive()
    }
}
