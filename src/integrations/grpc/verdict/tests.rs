use Outcome::{Failure, Ignored, Success, Throttled};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::verdict::Outcome;

type Row = (Outcome, bool, &'static str);

fn row(verdict: Verdict) -> Row {
    (verdict.outcome(), verdict.may_repeat(), verdict.cause())
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

const CODES: [(&str, Row); 17] = [
    ("0", (Success, false, "ok")),
    ("1", (Ignored, false, "cancelled")),
    ("2", (Failure, false, "unknown")),
    ("3", (Success, false, "ok")),
    ("4", (Failure, false, "deadline_exceeded")),
    ("5", (Success, false, "ok")),
    ("6", (Success, false, "ok")),
    ("7", (Success, false, "ok")),
    ("8", (Throttled, false, "resource_exhausted")),
    ("9", (Success, false, "ok")),
    ("10", (Success, false, "ok")),
    ("11", (Success, false, "ok")),
    ("12", (Success, false, "ok")),
    ("13", (Failure, false, "internal")),
    ("14", (Failure, true, "unavailable")),
    ("15", (Failure, false, "data_loss")),
    ("16", (Success, false, "ok")),
];

#[test]
fn each_code_has_its_meaning_in_trailers_and_in_an_answer_of_trailers_only() {
    for (code, expected) in CODES {
        let trailers = headers(&[("grpc-status", code)]);
        assert_eq!(row(verdict_of_trailers(Some(&trailers))), expected, "code {code} in trailers");
        // The server's own word counts, whatever the HTTP status and the type of the content.
        for status in [200, 503, 404] {
            for head in [&[GRPC, ("grpc-status", code)][..], &[("grpc-status", code)]] {
                let verdict = verdict_of_head(StatusCode::from_u16(status).unwrap(), &headers(head));
                assert_eq!(verdict.map(row), Some(expected), "code {code}, status {status}");
            }
        }
    }
}

#[test]
fn a_status_that_is_none_is_unknown() {
    for bad in ["", "17", "-1", "+14", "abc", "1.0", " 14", "256"] {
        let trailers = headers(&[("grpc-status", bad)]);
        assert_eq!(row(verdict_of_trailers(Some(&trailers))), (Failure, false, "unknown"), "{bad:?}");
    }
}

#[test]
fn an_end_without_a_status_is_a_failure() {
    let missing = (Failure, false, "no_status");
    assert_eq!(row(verdict_of_trailers(None)), missing);
    assert_eq!(row(verdict_of_trailers(Some(&headers(&[("x", "1")])))), missing);
}

#[test]
fn a_head_without_a_status_waits_for_the_end() {
    for kind in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
        assert_eq!(verdict_of_head(StatusCode::OK, &headers(&[("content-type", kind)])), None, "{kind}");
    }
}

#[test]
fn an_answer_that_is_not_of_grpc_is_judged_by_its_http_status() {
    let table = [
        (200, (Failure, false, "not_grpc")),
        (302, (Failure, false, "not_grpc")),
        (400, (Failure, false, "400")),
        (401, (Success, false, "ok")),
        (403, (Success, false, "ok")),
        (404, (Success, false, "ok")),
        (415, (Failure, false, "not_grpc")),
        (429, (Throttled, true, "429")),
        (500, (Failure, false, "5xx")),
        (502, (Failure, true, "502")),
        (503, (Failure, true, "503")),
        (504, (Failure, true, "504")),
        (599, (Failure, false, "5xx")),
    ];
    for (status, expected) in table {
        let html = headers(&[("content-type", "text/html")]);
        for head in [HeaderMap::new(), html] {
            let verdict = verdict_of_head(StatusCode::from_u16(status).unwrap(), &head);
            assert_eq!(verdict.map(row), Some(expected), "{status} {head:?}");
        }
    }
}

#[test]
fn a_load_balancer_that_says_when_to_come_back_is_heeded() {
    let head = headers(&[("content-type", "text/html"), ("retry-after", "7")]);
    let verdict = |status| verdict_of_head(status, &head).unwrap().retry_after();
    assert_eq!(verdict(StatusCode::SERVICE_UNAVAILABLE), Some(Duration::from_secs(7)));
    assert_eq!(verdict(StatusCode::TOO_MANY_REQUESTS), Some(Duration::from_secs(7)));
    assert_eq!(verdict(StatusCode::INTERNAL_SERVER_ERROR), None);
}

#[test]
fn push_back_is_heeded() {
    let ms = |ms| Some(Duration::from_millis(ms));
    let table = [
        ("14", "250", true, ms(250)),
        ("14", "0", true, ms(0)),
        ("14", "18446744073709551616", true, ms(u64::MAX)),
        // Not again, however the call came out.
        ("14", "-1", false, None),
        ("14", "soon", false, None),
        ("14", "", false, None),
        ("14", "1.5", false, None),
        ("14", "+5", false, None),
        // Who says when there is room again asks to be called then.
        ("8", "250", true, ms(250)),
        ("8", "-1", false, None),
        // A delay does not make harmless what may have taken effect.
        ("13", "250", false, ms(250)),
        ("0", "250", false, ms(250)),
    ];
    for (code, pushback, repeat, wait) in table {
        let trailers = headers(&[("grpc-status", code), ("grpc-retry-pushback-ms", pushback)]);
        let verdict = verdict_of_trailers(Some(&trailers));
        assert_eq!((verdict.may_repeat(), verdict.retry_after()), (repeat, wait), "{code}, {pushback:?}");
    }
}

#[test]
fn grpc_is_told_by_its_content_type() {
    for (kind, expected) in [
        ("application/grpc", true),
        ("application/grpc+json", true),
        ("application/grpc; x=y", true),
        ("application/grpc-web", false),
        ("application/grpc-web+proto", false),
        ("application/json", false),
        ("text/html", false),
    ] {
        assert_eq!(is_grpc(&headers(&[("content-type", kind)])), expected, "{kind}");
    }
    assert!(!is_grpc(&HeaderMap::new()));
}

proptest! {
    #[test]
    fn whatever_is_sent_has_a_meaning(status in 100_u16..1000, code: Vec<u8>, pushback: Vec<u8>) {
        let mut map = HeaderMap::new();
        for (name, bytes) in [(STATUS, code), (PUSHBACK, pushback)] {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                map.insert(name, value);
            }
        }
        let _ = verdict_of_trailers(Some(&map));
        let _ = verdict_of_head(StatusCode::from_u16(status).unwrap(), &map);
    }
}
