//! Every layer that refuses, told to refuse.

use std::net::SocketAddr;

use http::header::{ACCEPT, CONNECTION, CONTENT_TYPE, RETRY_AFTER};

use super::caller::{Caller, Protocol};

pub struct Case {
    pub what: &'static str,
    pub status: u16,
    /// Whether a wait would help.
    pub waits: bool,
    pub address: SocketAddr,
}

/// Serves each of these layers with the function, in front of a handler that hangs.
macro_rules! every_refusal {
    ($serve:ident) => {{
        use buttress::http::{InheritDeadlineLayer, RefuseRepeatsLayer};
        use buttress::{BulkheadLayer, CircuitBreakerLayer, ClientKey, RateLimitLayer, TimeoutLayer};

        const SOON: std::time::Duration = std::time::Duration::from_millis(10);
        let key = || ClientKey::header(http::HeaderName::from_static("x-key"));
        let once = buttress::Quota::every(std::time::Duration::from_secs(3_600));
        let breaker = CircuitBreakerLayer::new(Default::default());
        breaker.breaker().isolate();
        // Their only place is taken.
        let full = BulkheadLayer::new(1);
        std::mem::forget(full.bulkhead().try_admit().unwrap());
        let queued = BulkheadLayer::new(1).queue(1, SOON);
        std::mem::forget(queued.bulkhead().try_admit().unwrap());
        let one = key().client(&http::Request::builder().header("x-key", "1").body(()).unwrap());
        let full_for_one = BulkheadLayer::per_key(1, key());
        std::mem::forget(full_for_one.bulkhead().try_admit(&one).unwrap());
        let open_for_one = CircuitBreakerLayer::per_key(Default::default(), key());
        open_for_one.breaker().get_or_make(&one).unwrap().isolate();
        // Their only cell is taken.
        let limit = RateLimitLayer::new(once);
        limit.limiter().try_admit().unwrap();
        let limit_of_one = RateLimitLayer::per_key(once, key());
        limit_of_one.limiter().try_admit(&one).unwrap();
        let wait = RateLimitLayer::new(once).wait(SOON);
        wait.limiter().try_admit().unwrap();
        let late = TimeoutLayer::new(SOON);
        let stack = buttress::server_stack("full").bulkhead(queued.clone());

        let mut cases = Vec::new();
        macro_rules! case {
            ($what:literal, $status:literal, $waits:literal, $layer:expr) => {
                let address = $serve($layer).await;
                cases.push($crate::hosts::refusals::Case {
                    what: $what,
                    status: $status,
                    waits: $waits,
                    address,
                });
            };
        }
        case!("open circuit", 503, true, breaker);
        case!("repeats under load", 503, true, RefuseRepeatsLayer::new(full.bulkhead()));
        case!("full bulkhead", 503, true, full);
        case!("waited too long", 503, true, queued);
        case!("server stack", 503, true, stack);
        case!("open for this key", 503, true, open_for_one);
        case!("full for this key", 503, true, full_for_one);
        case!("rate limit", 429, true, limit);
        case!("too long a wait", 429, true, wait);
        case!("rate limit of this key", 429, true, limit_of_one);
        case!("cost above burst", 429, false, RateLimitLayer::new(once).cost(|_: &http::Request<_>| 2));
        case!("timeout", 504, true, late);
        case!("deadline passed", 504, true, InheritDeadlineLayer::new());
        cases
    }};
}

pub(crate) use every_refusal;

pub async fn assert_refused(cases: Vec<Case>) {
    for Case { what, status, waits, address } in cases {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let caller = Caller::new(protocol, address);
            let what = format!("{what} on {protocol:?}");
            for is_asked in [false, true, false] {
                let mut request = caller.request("/hang");
                let headers = [("x-key", "1"), ("previous-attempts", "1"), ("request-timeout-ms", "0")];
                headers.into_iter().for_each(|(name, value)| {
                    request.headers_mut().insert(name, value.parse().unwrap());
                });
                if is_asked {
                    request.headers_mut().insert(ACCEPT, "application/problem+json".parse().unwrap());
                }
                let (told, headers, body) = caller.fetch(request).await;
                assert_eq!(told, status, "{what}");
                assert_eq!(headers.contains_key(RETRY_AFTER), waits, "{what}: {headers:?}");
                assert!(!headers.contains_key(CONNECTION), "{what}: {headers:?}");
                assert_eq!(headers.contains_key(CONTENT_TYPE), is_asked, "{what}: {headers:?}");
                if is_asked {
                    assert_eq!(headers[CONTENT_TYPE], "application/problem+json", "{what}");
                    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
                    assert_eq!(problem["status"], status, "{what}: {problem}");
                    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{what}: {problem}");
                } else {
                    assert!(body.is_empty(), "{what}: {body:?}");
                }
            }
            if protocol == Protocol::Http2 {
                assert_eq!(caller.connections(), 1, "{what}");
            }
        }
    }
}
