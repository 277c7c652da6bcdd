//! A real Prometheus scrapes a real server, and answers what the dashboard and the alerts ask it.

use std::time::Duration;

use axum::{Router, routing::get};
use buttress::metrics::prometheus::handler;
use buttress::{Bulkhead, RateLimiter, client_stack};
use serde_json::Value as Json;
use tokio::net::TcpListener;

use super::dashboard::{dashboard, queries};
use super::fixture::Everything;
use crate::support::prometheus::{Prometheus, exchange};

async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app: Router = Router::new().route("/metrics", get(handler));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Refusals, dry runs and abandoned waits that go on, for what tells rates above zero.
async fn traffic(stack: &'static str) {
    let full = Bulkhead::new(1).named(format!("{stack}/full")).in_stack(stack);
    let dry = Bulkhead::new(1).named(format!("{stack}/dry")).in_stack(stack);
    let limiter =
        RateLimiter::new(buttress::Quota::per_second(1)).named(format!("{stack}/waits")).in_stack(stack);
    let dry_limiter =
        RateLimiter::new(buttress::Quota::per_second(1)).named(format!("{stack}/dry")).in_stack(stack);
    dry.set_dry_run(true);
    dry_limiter.set_dry_run(true);
    let _held = (full.try_admit(), dry.try_admit());
    loop {
        assert!(full.try_admit().is_err());
        assert!(dry.try_admit().is_ok());
        let _ = dry_limiter.acquire().await;
        let _ = tokio::time::timeout(Duration::from_millis(20), limiter.acquire()).await;
    }
}

/// Everything in one test: a Prometheus takes its time to start.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_understands_all_of_it() {
    let hostile = "live \"\\\nend{} é雪";
    let everything = [Everything::new("live").await, Everything::new(hostile).await];
    let _owned = client_stack("live/owned").owner("team-pay").runbook("https://wiki/payments");
    let traffic = tokio::spawn(traffic("live"));
    let prometheus = Prometheus::start(&serve().await).await;

    // It reads OpenMetrics, and names are what they were.
    let limit = prometheus.series("buttress_limit{name=~\"(?s)live .*\"}").await;
    assert_eq!(limit[0]["metric"]["name"], hostile);
    let targets = prometheus.get("/api/v1/targets").await;
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "");
    assert_eq!(prometheus.series("up").await[0]["value"][1], "1");
    let info = prometheus.series("buttress_stack_info{stack=\"live/owned\"}").await;
    assert_eq!(info[0]["metric"]["runbook"], "https://wiki/payments");
    let kinds = prometheus.get("/api/v1/metadata").await;
    for metric in buttress::metrics::descriptors() {
        let family = metric.name.trim_end_matches("_total");
        let told = &kinds["data"][family][0];
        assert_eq!(told["type"], metric.kind.as_str(), "{}: {told}", metric.name);
        assert_eq!(told["help"], metric.help);
    }

    // Every panel shows something.
    let dashboard = dashboard();
    for (_, query) in queries(&dashboard) {
        let query = query.replace("$job", ".*").replace("$stack", ".*").replace("$__rate_interval", "5s");
        prometheus.series(&query).await;
    }

    // Every rule can be evaluated, and the joins with the owner are not ambiguous.
    prometheus.series("buttress:stack_info").await;
    let rules = prometheus.get("/api/v1/rules").await;
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() > 10);
    for rule in rules {
        assert_eq!((&rule["health"], rule["lastError"].as_str()), (&Json::from("ok"), None), "{rule}");
    }
    traffic.abort();
    drop(everything);
}

#[tokio::test]
async fn the_handler_says_what_it_sends() {
    let address = serve().await;
    for (accept, content_type, end) in [
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0", true),
        ("text/html", "text/plain; version=0.0.4", false),
    ] {
        let request = format!("GET /metrics HTTP/1.0\r\nAccept: {accept}\r\n\r\n");
        let answer = exchange(&address, &request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        assert!(head.contains(&format!("content-type: {content_type}; charset=utf-8")), "{head}");
        assert_eq!(body.ends_with("# EOF\n"), end);
    }
}
