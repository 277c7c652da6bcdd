//! What a gRPC call came to, told by its headers or trailers.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};

use crate::integrations::http::retry_after::retry_after;
use crate::verdict::Verdict;

pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// What the head of a response says; `None` if it is the end of the body that tells.
///
/// The server's own word comes first, in a response that consists of trailers only. An answer without one that
/// does not look like gRPC is of a proxy or a load balancer in between.
pub(crate) fn verdict_of_head(status: StatusCode, headers: &HeaderMap) -> Option<Verdict> {
    if headers.contains_key(STATUS) {
        return Some(verdict_of_trailers(Some(headers)));
    }
    if status != StatusCode::OK {
        return Some(of_http(status, headers));
    }
    (!is_grpc(headers)).then(|| of_code(UNKNOWN).with_cause("not_grpc"))
}

/// What the end of a response says: its trailers, or that it had none.
pub(crate) fn verdict_of_trailers(trailers: Option<&HeaderMap>) -> Verdict {
    // Who did not say that it is done may have died half-way.
    let Some((trailers, code)) = trailers.and_then(|trailers| Some((trailers, trailers.get(STATUS)?))) else {
        return of_code(UNKNOWN).with_cause("no_status");
    };
    of_status(code_of(code.as_bytes()), trailers.get(PUSHBACK).map(AsRef::as_ref))
}

/// Whether these are the headers of a gRPC request or response.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).map(AsRef::as_ref);
    let Some(rest) = kind.and_then(|kind: &[u8]| kind.strip_prefix(b"application/grpc")) else {
        return false;
    };
    // Not `application/grpc-web`, whose trailers are in the body.
    matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

/// What a status means, with what its server asks for in `grpc-retry-pushback-ms`.
pub(crate) fn of_status(code: u8, pushback: Option<&[u8]>) -> Verdict {
    let verdict = of_code(code);
    match pushback {
        None => verdict,
        Some(value) => match wait(value) {
            Some(wait) => verdict.repeatable(verdict.may_repeat() || code == RESOURCE_EXHAUSTED).after(wait),
            None => verdict.repeatable(false),
        },
    }
}

/// Negative, or anything but a number, is how a server asks not to be called again.
fn wait(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(Duration::from_millis(value.iter().fold(0, digit)))
}

pub(crate) const CANCELLED: u8 = 1;
const UNKNOWN: u8 = 2;
const DEADLINE_EXCEEDED: u8 = 4;
const RESOURCE_EXHAUSTED: u8 = 8;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;
const DATA_LOSS: u8 = 15;
const LAST: u8 = 16;

fn code_of(value: &[u8]) -> u8 {
    // Of a sign, which `parse` would take, the protocol knows nothing.
    let digits = value.iter().all(u8::is_ascii_digit).then_some(value);
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    number.filter(|code| *code <= LAST).unwrap_or(UNKNOWN)
}

/// Only `UNAVAILABLE` may be repeated: the service says that it did nothing. `RESOURCE_EXHAUSTED` may if the
/// service also says when, because without that it may be a quota for the whole day.
fn of_code(code: u8) -> Verdict {
    match code {
        CANCELLED => Verdict::ignored("cancelled"),
        UNKNOWN => Verdict::failure("unknown").repeatable(false),
        DEADLINE_EXCEEDED => Verdict::failure("deadline_exceeded").repeatable(false),
        RESOURCE_EXHAUSTED => Verdict::throttled().with_cause("resource_exhausted").repeatable(false),
        INTERNAL => Verdict::failure("internal").repeatable(false),
        UNAVAILABLE => Verdict::failure("unavailable"),
        DATA_LOSS => Verdict::failure("data_loss").repeatable(false),
        _ => Verdict::success(),
    }
}

/// By gRPC's mapping of HTTP status codes. A 429 stays what it is, though gRPC calls it `UNAVAILABLE` too: a quota
/// is not an outage.
fn of_http(status: StatusCode, headers: &HeaderMap) -> Verdict {
    let verdict = match status.as_u16() {
        400 => of_code(INTERNAL).with_cause("400"),
        // Told by someone in good health: who you are, what you may do, and that there is no such thing.
        401 | 403 | 404 => return Verdict::success(),
        429 => Verdict::throttled().with_cause("429"),
        502 => of_code(UNAVAILABLE).with_cause("502"),
        503 => of_code(UNAVAILABLE).with_cause("503"),
        504 => of_code(UNAVAILABLE).with_cause("504"),
        500.. => of_code(UNKNOWN).with_cause("5xx"),
        _ => of_code(UNKNOWN).with_cause("not_grpc"),
    };
    match retry_after(headers) {
        Some(wait) if verdict.may_repeat() => verdict.after(wait),
        _ => verdict,
    }
}

#[cfg(test)]
mod tests;
