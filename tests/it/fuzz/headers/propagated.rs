//! What callers tell a server: how much time is left, and how often they tried.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Request, Response};
use buttress::http::{InheritDeadlineLayer, PropagateLayer, RefuseRepeatsLayer};
use buttress::{Bulkhead, deadline};
use tower::{Layer, Service, service_fn};

use super::{Input, digits, headers};

const GRPC: HeaderName = HeaderName::from_static("grpc-timeout");
const OURS: HeaderName = HeaderName::from_static("request-timeout-ms");
const ENVOYS: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
const GRPC_TIMES: [&str; 8] = ["0S", "1H", "2M", "3S", "250m", "99999999u", "1n", "99999999H"];
const MILLIS: [&str; 6] = ["0", "1", "250", "86400000", "18446744073709551615", "18446744073709551616"];

/// Up to eight digits and a unit.
fn grpc_time(value: &HeaderValue) -> Option<Duration> {
    let (text, unit) = value.to_str().ok()?.split_at_checked(value.len().checked_sub(1)?)?;
    let number = digits(&HeaderValue::from_str(text).ok()?).filter(|_| text.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn millis(value: &HeaderValue) -> Option<Duration> {
    digits(value).map(Duration::from_millis)
}

/// What a server allows itself, and what it tells those whom it calls.
fn allowed(told: &HeaderMap) -> Option<Duration> {
    let by =
        |name, read: fn(&HeaderValue) -> Option<Duration>| told.get_all(name).iter().filter_map(read).min();
    [by(GRPC, grpc_time), by(OURS, millis), by(ENVOYS, millis)].into_iter().flatten().min()
}

pub async fn deadline(input: &mut Input<'_>) {
    let is_grpc = input.is();
    let mut told = headers(input, &GRPC, &GRPC_TIMES);
    told.extend(headers(input, &OURS, &MILLIS));
    told.extend(headers(input, &ENVOYS, &MILLIS));
    let expected = allowed(&told);
    let mut request = Request::new(());
    *request.headers_mut() = told;
    if is_grpc {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    }
    let told = format!("{request:?}");
    // What the next server downstream is told, of a request that told it nothing yet.
    let next =
        service_fn(|request: Request<()>| async move { Ok::<_, Infallible>(allowed(request.headers())) });
    let server = service_fn(move |_: Request<()>| {
        let remaining = deadline::current().map(|deadline| deadline.remaining());
        let mut request = Request::new(());
        if is_grpc {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        }
        let next = PropagateLayer::new().layer(next).call(request);
        async move { Ok::<_, Infallible>(Response::new(Some((remaining, next.await)))) }
    });
    let answer = InheritDeadlineLayer::new().layer(server).call(request).await;
    let answer = answer.unwrap_or_else(|never| match never {});
    let Some((remaining, next)) = answer.into_body() else {
        // Refused before any work was done.
        assert_eq!(expected, Some(Duration::ZERO), "{told}");
        return;
    };
    let next = next.unwrap_or_else(|never| match never {});
    // What is longer than can be represented is no limit.
    if let Some(expected) = expected.filter(|expected| *expected < Duration::from_secs(1 << 32)) {
        assert!(!expected.is_zero(), "{told}");
        assert_eq!(remaining, Some(expected), "{told}");
        assert!(next.is_some_and(|next| next <= expected), "{told}: {next:?}");
    } else {
        assert!(remaining.is_none_or(|remaining| Some(remaining) <= expected), "{told}: {remaining:?}");
        assert!(next <= expected.max(remaining), "{told}: {next:?}");
    }
}

/// A server that is half full refuses repeats, and nothing else.
pub async fn repeats(input: &mut Input<'_>) {
    const USUAL: [&str; 5] = ["0", "1", "2", "18446744073709551616", "-1"];
    let most = |told: &HeaderMap, name| told.get_all(name).iter().filter_map(digits).max().unwrap_or(0);
    let mut request = Request::new(());
    let mut is_repeat = false;
    for (name, first) in
        [("previous-attempts", 0), ("grpc-previous-rpc-attempts", 0), ("x-envoy-attempt-count", 1)]
    {
        let name = HeaderName::from_static(name);
        request.headers_mut().extend(headers(input, &name, &USUAL));
        is_repeat |= most(request.headers(), name) > first;
    }
    let bulkhead = Bulkhead::new(2);
    let busy = bulkhead.try_admit();
    let told = format!("{request:?}");
    let server = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(false)) });
    let refuse = RefuseRepeatsLayer::new(bulkhead.clone()).on_reject(|_| Ok(Response::new(true)));
    let answer = refuse.layer(server).call(request).await;
    let is_refused = answer.unwrap_or_else(|never| match never {}).into_body();
    assert_eq!((is_refused, bulkhead.snapshot().rejected), (is_repeat, is_repeat.into()), "{told}");
    drop(busy);
}
