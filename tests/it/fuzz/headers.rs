//! Any headers, of those that somebody here reads: `Retry-After` of an answer, `Idempotency-Key` of a request, `Accept`
//! of a scrape and of who is refused, all that the admin page looks at, what gRPC answers with, what callers tell of their time and attempts,
//! and who they are.

mod client;
mod grpc;
mod propagated;

use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use buttress::admin::Admin;
use buttress::http::ProblemJsonLayer;
use buttress::{Answer, Backoff, Bulkhead, BulkheadLayer, Replay, RetryLayer, RetryPolicy};
use tower::{Layer, Service, service_fn};

use super::input::Input;
use super::paused;

pub fn run(bytes: &[u8]) {
    paused(async {
        let mut input = Input::new(bytes);
        match input.below(16) {
            0 => idempotency_key(&mut input),
            1 => scrape(&mut input).await,
            2 | 3 => admin(&mut input).await,
            4..8 => retry_after(&mut input).await,
            8 | 9 => grpc::answer(&mut input),
            10 | 11 => propagated::deadline(&mut input).await,
            12 => propagated::repeats(&mut input).await,
            13 => client::named(&mut input),
            14 => accepted(&mut input).await,
            _ => client::forwarded(&mut input),
        }
    });
}

/// As it comes over the wire, now and then the way it should be.
fn value(input: &mut Input<'_>, usual: &[&'static str]) -> Option<HeaderValue> {
    if input.is() {
        return Some(HeaderValue::from_static(input.one_of(usual)));
    }
    HeaderValue::from_bytes(input.bytes(64)).ok()
}

fn headers(input: &mut Input<'_>, name: &HeaderName, usual: &[&'static str]) -> HeaderMap {
    let values = (0..input.below(4)).filter_map(|_| value(input, usual));
    values.map(|value| (name.clone(), value)).collect()
}

const WAITS: [&str; 10] = [
    "0",
    "1",
    "120",
    " 7 ",
    "18446744073709551615",
    "18446744073709551616",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
];

const ACCEPTED: [&str; 6] = [
    "application/problem+json",
    "text/html, application/problem+json;q=0.5",
    "application/problem+json; q=0",
    "application/json",
    "*/*",
    "",
];

/// A refusal has a body of problem details only if the client names them.
async fn accepted(input: &mut Input<'_>) {
    let limit = BulkheadLayer::new(1);
    let _held = limit.bulkhead().try_admit().expect("there is one");
    let handler = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let service = ProblemJsonLayer::new().layer(limit.layer(handler));
    let mut request = Request::new(());
    *request.headers_mut() = headers(input, &ACCEPT, &ACCEPTED);
    let is_named = request.headers().get_all(ACCEPT).iter().any(|value| {
        let value = value.as_bytes().to_ascii_lowercase();
        value.windows(ACCEPTED[0].len()).any(|part| part == ACCEPTED[0].as_bytes())
    });
    let Ok(refusal) = service.oneshot(request).await;
    assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
    let is_problem = refusal.headers().get(CONTENT_TYPE).is_some_and(|value| value == ACCEPTED[0]);
    assert!(is_named || !is_problem, "nobody asked for it");
}

/// What the answer asks for is read as the RFC has it, and no call waits longer than the policy allows.
async fn retry_after(input: &mut Input<'_>) {
    let status = input.one_of(&[503, 429, 408, 502, 200, 500]);
    let waits = headers(input, &RETRY_AFTER, &WAITS);
    let answer = || {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::from_u16(status).expect("one of those above");
        answer.headers_mut().clone_from(&waits);
        answer
    };
    let asked = answer().verdict().retry_after();
    let seconds = waits.values().filter_map(|value| seconds(value.to_str().ok()?.trim())).max();
    match (answer().verdict().may_repeat(), seconds) {
        (true, Some(seconds)) => assert!(asked >= Some(Duration::from_secs(seconds)), "{waits:?}: {asked:?}"),
        (false, _) => assert_eq!(asked, None, "{waits:?}"),
        // A date, or nothing that can be read.
        (true, None) => {}
    }

    let cap = Duration::from_millis(input.short().into());
    let policy =
        RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(10))).retry_after_cap(cap);
    let inner = service_fn(|_: u64| async { Ok::<_, Infallible>(answer()) });
    let mut service = RetryLayer::new(policy.max_attempts(2)).layer(inner);
    let start = tokio::time::Instant::now();
    assert!(service.call(1).await.is_ok());
    // A timer goes by whole milliseconds.
    let most = cap.max(Duration::from_millis(10)) + Duration::from_millis(1);
    assert!(start.elapsed() <= most, "{waits:?}: {:?} > {most:?}", start.elapsed());
}

/// `1*DIGIT`, as the grammars of headers have it; what is too large is the largest.
fn digits(value: &HeaderValue) -> Option<u64> {
    seconds(value.to_str().ok()?)
}

/// The same of a text.
fn seconds(value: &str) -> Option<u64> {
    let is_number = !value.is_empty() && value.chars().all(|digit| digit.is_ascii_digit());
    is_number.then(|| value.parse().unwrap_or(u64::MAX))
}

fn method(input: &mut Input<'_>) -> Method {
    let methods = [Method::POST, Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS, Method::PATCH];
    methods[input.below(methods.len())].clone()
}

fn idempotency_key(input: &mut Input<'_>) {
    let mut request = Request::new(());
    *request.method_mut() = method(input);
    *request.headers_mut() = headers(input, &HeaderName::from_static("idempotency-key"), &["\"k\""]);
    let has_key = !request.headers().is_empty();
    assert_eq!(request.repeatable(), request.method().is_idempotent() || has_key, "{request:?}");
    assert_eq!(request.replay().map(|copy| copy.headers().clone()).as_ref(), Some(request.headers()));
}

async fn scrape(input: &mut Input<'_>) {
    let usual = [
        "application/openmetrics-text; version=1.0.0",
        "text/plain;q=0.5",
        "*/*",
        "application/openmetrics-text;q=0",
    ];
    let answer = buttress::metrics::prometheus::handler(headers(input, &ACCEPT, &usual)).await;
    assert!(answer.status().is_success() && answer.headers().contains_key(CONTENT_TYPE));
}

const TOKEN: &str = "a-token-for-tests";
const BODY: &str =
    r#"{"action":"limit","limit":7,"reason":"test","stack":"","layer":"bulkhead","name":"fuzzed"}"#;

/// Nobody changes anything who does not show the token, as JSON, from a page of this very host.
async fn admin(input: &mut Input<'_>) {
    let bulkhead = Bulkhead::new(3).named("fuzzed");
    // Made once: it takes longer than all that a request does.
    static ROUTER: OnceLock<Router> = OnceLock::new();
    let mut router = ROUTER.get_or_init(|| Admin::new().overrides(TOKEN).router()).clone();
    let path = input.one_of(&["/overrides", "/overrides", "/", "/snapshot", "/events", "/nope"]);
    let body = if input.is() { BODY.into() } else { input.bytes(255).to_vec() };
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method(input);
    *request.uri_mut() = path.parse().expect("one of those above");
    for (name, usual) in [
        (HOST, &["localhost:9000", "evil.example"][..]),
        (ORIGIN, &["http://localhost:9000", "null", "https://localhost:9000"]),
        (HeaderName::from_static("sec-fetch-site"), &["same-origin", "cross-site", "none"]),
        (AUTHORIZATION, &["Bearer a-token-for-tests", "Bearer another-token-for-tests"]),
        (CONTENT_TYPE, &["application/json", "Application/JSON; charset=utf-8", "text/plain"]),
    ] {
        if input.is() {
            request.headers_mut().extend(headers(input, &name, usual));
        } else {
            request.headers_mut().insert(name, HeaderValue::from_static(usual[0]));
        }
    }
    let shown = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().to_ascii_lowercase());
    let is_meant = shown.as_deref() == Some(b"bearer a-token-for-tests") && path == "/overrides";
    let told = format!("{request:?}");
    let answer = router.call(request).await.unwrap_or_else(|never| match never {});
    assert!(!answer.status().is_server_error(), "{told}: {answer:?}");
    assert!(answer.headers().contains_key("content-security-policy"), "{told}: {answer:?}");
    assert!(bulkhead.snapshot().limit == 3 || is_meant, "{told} changed the limit");
}
