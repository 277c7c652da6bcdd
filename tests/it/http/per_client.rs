//! Limits per client over a real server: real peers, forged headers.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get as on_get;
use buttress::{BulkheadLayer, Client, ClientKey, KeyedRateLimitLayer, Quota, RateLimitLayer};
use bytes::Bytes;
use http::header::{HeaderMap, RETRY_AFTER};
use http::{Method, StatusCode};
use http_body_util::Full;

use super::support::{client, request};

/// Serves until the test's runtime ends, and notes who connects.
async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

fn five(key: ClientKey) -> KeyedRateLimitLayer<ClientKey> {
    RateLimitLayer::per_key(Quota::every(Duration::from_secs(3_600)).burst(5), key)
}

fn router() -> Router {
    Router::new().route("/", on_get(|| async { "ok" }))
}

/// The answer to a request with these headers, over a connection of its own.
async fn fetch(address: SocketAddr, headers: &[(&'static str, String)]) -> (StatusCode, HeaderMap) {
    let mut request: http::Request<Full<Bytes>> = request(Method::GET, address, "/");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let (head, _) = client().request(request).await.unwrap().into_parts();
    (head.status, head.headers)
}

/// How many of so many requests pass, each with the headers that are made for it.
async fn passed(address: SocketAddr, headers: impl Fn(usize) -> Vec<(&'static str, String)>) -> usize {
    let mut passed = 0;
    for number in 0..20 {
        let (status, _) = fetch(address, &headers(number)).await;
        passed += usize::from(status == StatusCode::OK);
    }
    passed
}

fn xff(value: String) -> Vec<(&'static str, String)> {
    vec![("x-forwarded-for", value)]
}

#[tokio::test]
async fn without_a_proxy_the_connection_counts_whatever_headers_say() {
    let layer = five(ClientKey::peer());
    let limiter = layer.limiter();
    let address = serve(router().layer(layer)).await;
    let forged = |number: usize| {
        vec![
            ("x-forwarded-for", format!("1.2.3.{number}")),
            ("forwarded", format!("for=1.2.3.{number}")),
            ("x-real-ip", format!("1.2.3.{number}")),
        ]
    };
    assert_eq!(passed(address, forged).await, 5);
    assert_eq!((limiter.len(), limiter.peek(&Client::Address([127, 0, 0, 1].into())).remaining), (1, 0));
}

#[tokio::test]
async fn behind_one_proxy_its_entry_counts_and_no_forged_one() {
    for (name, entry) in [("x-forwarded-for", ""), ("forwarded", "for=")] {
        let key = if entry.is_empty() { ClientKey::x_forwarded_for(1) } else { ClientKey::forwarded(1) };
        let address = serve(router().layer(five(key))).await;
        // The proxy is this test: it adds who connected to what the client sent.
        let through = |forged: String, connected: &str| vec![(name, format!("{forged}, {entry}{connected}"))];
        let forged = |number: usize| through(format!("{entry}1.2.3.{number}"), "192.0.2.1");
        assert_eq!(passed(address, forged).await, 5, "{name}");
        assert_eq!(
            passed(address, |_| through(String::new(), "192.0.2.2")).await,
            5,
            "{name}: another client"
        );
        let two_lines =
            |number| vec![(name, format!("{entry}6.6.6.{number}")), (name, format!("{entry}192.0.2.3"))];
        assert_eq!(passed(address, two_lines).await, 5, "{name}: in a line of its own");
        // What is not to be read counts for the proxy, all together.
        let strange = |number: usize| {
            let value = ["unknown", "_hidden", "999.9.9.9", "", "a b"][number % 5];
            vec![(name, format!("{entry}{value}"))]
        };
        assert_eq!(passed(address, strange).await, 5, "{name}: strange");
        let huge = |number| vec![(name, format!("{}{number}, {entry}192.0.2.4", "1.2.3.4, ".repeat(1_000)))];
        assert_eq!(passed(address, huge).await, 0, "{name}: huge");
        assert_eq!(fetch(address, &[]).await.0, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(
            passed(address, |_| through("1.2.3.4".into(), "192.0.2.4")).await,
            5,
            "{name}: not yet seen"
        );
    }
}

#[tokio::test]
async fn addresses_of_one_ipv6_network_are_one_client() {
    let address = serve(router().layer(five(ClientKey::x_forwarded_for(1)))).await;
    assert_eq!(passed(address, |number| xff(format!("2001:db8:0:7::{number:x}"))).await, 5);
    assert_eq!(passed(address, |number| xff(format!("[2001:db8:0:8::{number:x}]:443"))).await, 5);
    assert_eq!(passed(address, |_| xff("::ffff:192.0.2.1".into())).await, 5);
    assert_eq!(passed(address, |_| xff("192.0.2.1".into())).await, 0, "the same in other clothes");
}

#[tokio::test]
async fn a_server_that_notes_no_peers_limits_all_of_them_together() {
    let layer = five(ClientKey::peer());
    let limiter = layer.limiter();
    let address = super::support::serve(router().layer(layer)).await;
    assert_eq!(passed(address, |_| vec![]).await, 5);
    assert_eq!((limiter.len(), limiter.peek(&Client::Stranger).remaining), (1, 0));
}

#[tokio::test]
async fn a_bulkhead_per_client_takes_the_same_key() {
    let layer = BulkheadLayer::per_key(1, ClientKey::x_forwarded_for(1));
    let bulkhead = layer.bulkhead();
    let address = serve(router().layer(layer)).await;
    let _held = bulkhead.try_admit(&Client::Address([192, 0, 2, 1].into())).unwrap();
    assert_eq!(passed(address, |_| xff("6.6.6.6, 192.0.2.1".into())).await, 0);
    assert_eq!(passed(address, |_| xff("6.6.6.6, 192.0.2.2".into())).await, 20);
    assert_eq!(bulkhead.worst(1)[0].key, "Address(192.0.2.1)");
}

#[tokio::test]
async fn each_answer_tells_what_is_left() {
    let key = ClientKey::x_forwarded_for(1);
    let all = RateLimitLayer::new(Quota::per_hour(1_000)).headers("all");
    let address = serve(router().layer(five(key).headers("per-client")).layer(all)).await;
    let lines = |headers: &HeaderMap, name: &str| -> Vec<String> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    for number in 1..=7_u32 {
        let (status, headers) = fetch(address, &xff("192.0.2.1".into())).await;
        assert_eq!(
            lines(&headers, "ratelimit-policy"),
            ["\"per-client\";q=5;w=18000", "\"all\";q=1000;w=3600"]
        );
        let left = 5_u32.saturating_sub(number);
        let told = &lines(&headers, "ratelimit")[0];
        if left > 0 {
            assert_eq!(
                (status, told),
                (StatusCode::OK, &format!("\"per-client\";r={left};t={}", left * 3_600))
            );
        } else {
            let wait = told.strip_prefix("\"per-client\";r=0;t=").unwrap();
            assert!((3_000..=3_600).contains(&wait.parse::<u32>().unwrap()), "{told}");
            if number > 5 {
                assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
                let retry_after: u32 = headers[RETRY_AFTER].to_str().unwrap().parse().unwrap();
                assert!(retry_after >= wait.parse().unwrap() && retry_after <= 3_600, "{headers:?}");
            }
        }
        let of_all = format!("\"all\";r={};t=", 1_000 - number);
        assert!(lines(&headers, "ratelimit")[1].starts_with(&of_all), "{headers:?}");
    }
}

/// The outer limit told its clients to come back when the inner one had said.
#[tokio::test]
async fn a_limit_tells_nothing_of_the_rejections_of_one_inside() {
    let inner = RateLimitLayer::new(Quota::every(Duration::from_secs(60)).burst(1)).name("inner");
    let hourly = Quota::every(Duration::from_secs(3_600)).burst(1_000);
    let outer = RateLimitLayer::new(hourly).name("outer").headers("outer");
    let address = serve(router().layer(inner).layer(outer)).await;
    for (status, told) in
        [(StatusCode::OK, "r=999;t=3596400"), (StatusCode::TOO_MANY_REQUESTS, "r=998;t=3592800")]
    {
        let (got, headers) = fetch(address, &[]).await;
        assert_eq!((got, headers["ratelimit"].to_str().unwrap()), (status, &*format!("\"outer\";{told}")));
    }
}

#[tokio::test]
async fn nothing_is_told_of_what_is_not_limited() {
    let keyed = RateLimitLayer::per_key(Quota::per_hour(5), |_: &axum::extract::Request| None::<u64>);
    let dry = RateLimitLayer::new(Quota::per_hour(5)).dry_run(true);
    let address = serve(router().layer(keyed.headers("keyed")).layer(dry.headers("dry"))).await;
    let (status, headers) = fetch(address, &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(!headers.contains_key("ratelimit") && !headers.contains_key("ratelimit-policy"), "{headers:?}");
    for bad in ["", "no\nlines", "ü"] {
        let error = RateLimitLayer::new(Quota::per_hour(5)).try_headers(bad).unwrap_err();
        assert_eq!(error.field(), "policy");
    }
}
