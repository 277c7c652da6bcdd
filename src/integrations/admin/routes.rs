//! What is answered on which route.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{StreamExt, once, unfold};
use serde_json::json;

use super::apply::apply;
use super::change::{Action, Change, Target};
use super::guard::{check_site, guard};
use super::notes::Note;
use super::refusal::{Refusal, json_response};
use super::shared::Shared;
use super::view::key;
use crate::circuit_breaker::CircuitControl;
use crate::clock;
use crate::registry::Registry;
use crate::sync::{Arc, lock};

/// The largest request for an override, in bytes.
const MOST: usize = 4 * 1024;

/// How long a stream lasts. A server that shuts down gracefully waits for it, but no longer.
const STREAM: Duration = Duration::from_secs(60);
/// After how many milliseconds a page asks for the next one.
const RETRY: &[u8] = b"retry: 300\n\n";

pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/snapshot", get(snapshot))
        .route("/events", get(events))
        .route("/overrides", post(overrides))
        .fallback(other)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&shared), guard))
        .with_state(shared)
}

async fn page(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], shared.document.html.clone()).into_response()
}

/// Nested below a path, the page is also what stands behind that path and a slash.
async fn other(state: State<Arc<Shared>>, request: Request) -> Response {
    if matches!(request.uri().path(), "" | "/") && matches!(*request.method(), Method::GET | Method::HEAD) {
        return page(state).await;
    }
    if matches!(request.uri().path(), "" | "/") {
        let mut response = wrong_method().await;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
        return response;
    }
    Refusal::new(StatusCode::NOT_FOUND, "there is a page, snapshot, events and overrides").into_response()
}

/// Which ones are allowed, the router says in a header.
async fn wrong_method() -> Response {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "GET what is shown, POST overrides").into_response()
}

async fn snapshot(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    check_site(&request)?;
    let json = serde_json::to_string(&shared.view());
    let json = json.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// One event a second, for a minute; then the page asks again, by itself. Who is slow misses some: only the latest is kept.
async fn events(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    check_site(&request)?;
    let permit = Arc::clone(&shared.streams).try_acquire_owned();
    let taken =
        |_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "all streams are taken: ask for the snapshot");
    let permit = permit.map_err(taken)?;
    let end = clock::now().saturating_add(STREAM);
    let stream = unfold((shared.listen(), permit), move |(mut updates, permit)| async move {
        // Right after an update: whoever comes back at once misses none.
        if clock::now() >= end {
            return None;
        }
        updates.changed().await.ok()?;
        let update = Bytes::clone(&updates.borrow_and_update());
        Some((Ok::<_, Infallible>(update), (updates, permit)))
    });
    let stream = once(ready(Ok(Bytes::from_static(RETRY)))).chain(stream);
    // A proxy that collects what it passes on would hold the updates back.
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, Body::from_stream(stream)).into_response())
}

async fn overrides(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    check_site(&request)?;
    let Some(token) = shared.token else {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "read-only: Admin::overrides switches this on"));
    };
    if !is_json(&request) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-type: application/json is needed",
        ));
    }
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::to_str);
    if !matches!(authorization, Some(Ok(header)) if token.authorizes(header)) {
        shared.refuse_stranger();
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "authorization: Bearer and the token is needed"));
    }
    let body = axum::body::to_bytes(request.into_body(), MOST).await;
    let too_large = |_| Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "at most 4096 bytes");
    let change = Change::parse(&body.map_err(too_large)?)?;
    let done = apply(&change)?;
    match change.action {
        Action::Isolate(_) => remember(&shared, change, CircuitControl::Isolated),
        Action::Bypass(_) => remember(&shared, change, CircuitControl::Bypassed),
        _ => {}
    }
    Ok(json_response(StatusCode::OK, &json!({ "done": done })))
}

fn is_json(request: &Request) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.and_then(|value| value.split(';').next()).map(str::trim);
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

/// So that who looks at a breaker that is held sees why.
fn remember(shared: &Shared, change: Change, control: CircuitControl) {
    if let Target::Engine { stack, layer, name } = &change.target
        && let Some(engine) = Registry::global().find(stack, layer, name)
    {
        let note = Note { reason: change.reason, by: change.by, control };
        lock(&shared.memory).notes.put(key(engine.identity()), note);
    }
}
