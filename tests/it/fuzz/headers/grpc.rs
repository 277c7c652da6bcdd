//! `grpc-status` and `grpc-retry-pushback-ms`, in the head of a response or at the end of its body.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use buttress::grpc::Grpc;
use buttress::http::{ClassifyTrailers, GrpcTrailers};
use buttress::{Classify, Fault, Outcome, Verdict};

use super::{Input, WAITS, digits, headers};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const CODES: [&str; 12] = ["0", "1", "2", "4", "8", "12", "13", "14", "15", "16", "17", "014"];
const PUSHBACKS: [&str; 6] = ["0", "250", "-1", "soon", "18446744073709551615", "18446744073709551616"];
const TYPES: [&str; 4] = ["application/grpc", "application/grpc+proto", "application/grpc-web", "text/html"];

struct NoError;

impl Fault for NoError {}

pub fn answer(input: &mut Input<'_>) {
    let status =
        StatusCode::from_u16(input.one_of(&[200, 503, 429, 404, 400, 302, 599])).expect("one of these");
    let mut told = headers(input, &STATUS, &CODES);
    for (name, usual) in [(PUSHBACK, &PUSHBACKS[..]), (CONTENT_TYPE, &TYPES), (RETRY_AFTER, &WAITS)] {
        told.extend(headers(input, &name, usual));
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    response.headers_mut().clone_from(&told);
    let verdict = Grpc.classify(Ok::<_, &NoError>(&response));
    let at_the_end = GrpcTrailers.classify_trailers(Some(&told));
    if told.contains_key(STATUS) {
        assert_eq!(verdict, at_the_end, "{response:?}");
        holds(&told, &verdict);
    } else {
        // Whoever did not say that it is done is not called again for it.
        assert!(at_the_end.outcome() == Outcome::Failure && !at_the_end.may_repeat(), "{response:?}");
        assert!(!verdict.may_repeat() || [429, 502, 503, 504].contains(&status.as_u16()), "{response:?}");
    }
}

/// What the protocol says of a status and a push-back.
fn holds(told: &HeaderMap, verdict: &Verdict) {
    let code = digits(&told[STATUS]).filter(|code| *code <= 16).unwrap_or(2);
    let outcome = match code {
        1 => Outcome::Ignored,
        8 => Outcome::Throttled,
        2 | 4 | 13 | 14 | 15 => Outcome::Failure,
        _ => Outcome::Success,
    };
    let wait = told.get(PUSHBACK).map(digits);
    let may_repeat = match wait {
        None => code == 14,
        Some(Some(_)) => code == 14 || code == 8,
        Some(None) => false,
    };
    assert_eq!((verdict.outcome(), verdict.may_repeat()), (outcome, may_repeat), "{told:?}");
    if may_repeat {
        assert_eq!(verdict.retry_after(), wait.flatten().map(Duration::from_millis), "{told:?}");
    }
}
