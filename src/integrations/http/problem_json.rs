//! Rejections that say in their body what is wrong, to clients that ask for it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::propagate::RequestHead;
use super::reject::words;
use crate::macros::ready_and_oneshot;
use crate::reject::Rejected;

const PROBLEM_JSON: &str = "application/problem+json";

/// Gives a rejection a body of problem details (RFC 9457), if the request accepts `application/problem+json`: for
/// servers, around the layers that reject.
///
/// Without it, and for clients that do not name that type in `Accept`, a rejection has an empty body. The status
/// and `Retry-After` are the same either way, and names and internals stay off the wire. All other responses pass
/// through untouched. The body can be any that is made of [`Bytes`], such as axum's or a `Full`.
///
/// ```
/// use axum::{Router, body::Body, routing::get};
/// use buttress::{BulkheadLayer, http::ProblemJsonLayer};
/// use http::Request;
/// use http_body_util::BodyExt;
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let limit = BulkheadLayer::new(1);
/// let held = limit.bulkhead().try_admit().unwrap();
/// let app: Router = Router::new()
///     .route("/orders", get(|| async { "none" }))
///     .layer(limit)
///     .layer(ProblemJsonLayer::new());    // axum puts later layers outside
///
/// let request = Request::get("/orders").header("accept", "application/problem+json").body(Body::empty()).unwrap();
/// let refused = app.oneshot(request).await.unwrap();
/// assert_eq!(refused.headers()["content-type"], "application/problem+json");
/// assert_eq!(
///     refused.into_body().collect().await.unwrap().to_bytes(),
///     r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many calls at once"}"#,
/// );
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing unless it is applied to a service"]
pub struct ProblemJsonLayer {
    _private: (),
}

impl ProblemJsonLayer {
    /// For requests that accept `application/problem+json` by that name; `*/*` is not enough.
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl<S> Layer<S> for ProblemJsonLayer {
    type Service = ProblemJsonService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ProblemJsonService { inner }
    }
}

/// A service whose rejections have a body for clients that ask for it. Made by a [`ProblemJsonLayer`].
#[derive(Clone, Debug)]
pub struct ProblemJsonService<S> {
    inner: S,
}

impl<S> ProblemJsonService<S> {
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

ready_and_oneshot!(ProblemJsonService<S>, [S]);

impl<S, Req, B> Service<Req> for ProblemJsonService<S>
where
    S: Service<Req, Response = Response<B>>,
    Req: RequestHead,
    B: From<Bytes>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ProblemJsonFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let is_asked_for = accepts_problem_json(request.headers());
        ProblemJsonFuture { inner: self.inner.call(request), is_asked_for }
    }
}

pin_project! {
    /// The response future of a [`ProblemJsonService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ProblemJsonFuture<F> {
        #[pin]
        inner: F,
        is_asked_for: bool,
    }
}

impl<F, B, E> Future for ProblemJsonFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: From<Bytes>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if *this.is_asked_for
            && is_error(response.status())
            && let Some(rejected) = response.extensions().get::<Rejected>()
        {
            *response.body_mut() = B::from(Bytes::from(problem(response.status(), rejected)));
            let headers = response.headers_mut();
            headers.remove(CONTENT_LENGTH);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        }
        Poll::Ready(Ok(response))
    }
}

impl<F> fmt::Debug for ProblemJsonFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProblemJsonFuture").finish_non_exhaustive()
    }
}

/// A refusal in gRPC is no error of HTTP, and has words of its own.
fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// None of the words needs escaping.
fn problem(status: StatusCode, rejected: &Rejected) -> String {
    let title = status.canonical_reason().unwrap_or_default();
    let (status, detail) = (status.as_u16(), words(rejected.kind()));
    format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}"#)
}

fn accepts_problem_json(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
        media_type.trim().eq_ignore_ascii_case(PROBLEM_JSON) && !parameters.split(';').any(is_refusal)
    })
}

/// A weight of zero, which means "not acceptable".
fn is_refusal(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && weight.trim().parse() == Ok(0.0_f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_by_its_name() {
        for (accept, expected) in [
            ("application/problem+json", true),
            ("Application/Problem+JSON", true),
            ("text/html, application/problem+json;q=0.5", true),
            ("application/json,application/problem+json; charset=utf-8 ;q=1", true),
            ("application/problem+json;q=0", false),
            ("application/problem+json; Q = 0.000", false),
            ("application/json", false),
            ("*/*", false),
            ("application/*", false),
            ("application/problem+jsonx", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(accepts_problem_json(&headers), expected, "{accept}");
        }
        assert!(!accepts_problem_json(&HeaderMap::new()));
        let two = ["text/html", PROBLEM_JSON].map(|value| (ACCEPT, HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        for (name, value) in two {
            headers.append(name, value);
        }
        assert!(accepts_problem_json(&headers));
    }
}
