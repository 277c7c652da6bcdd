//! A real Prometheus scrapes a real server, and answers what the dashboard and the alerts ask it.

use std::process::Stdio;
use std::time::Duration;

use axum::{Router, routing::get};
use buttress::metrics::prometheus::handler;
use buttress::{Bulkhead, RateLimiter, client_stack};
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::dashboard::{dashboard, queries};
use super::fixture::Everything;

struct Prometheus {
    address: String,
    // Ends with this.
    _child: Child,
    _dir: Dir,
}

struct Dir(std::path::PathBuf);

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Prometheus {
    /// One that scrapes this address, four times a second.
    async fn start(target: &str) -> Self {
        let dir = Dir(std::env::temp_dir().join(format!("buttress-prometheus-{}", std::process::id())));
        // What a run that was killed has left behind.
        drop(std::fs::remove_dir_all(&dir.0));
        std::fs::create_dir_all(&dir.0).unwrap();
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts/buttress.rules.yml");
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{rules}']\n\
             scrape_configs: [{{job_name: it, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        std::fs::write(dir.0.join("prometheus.yml"), config).unwrap();
        let mut child = Command::new("prometheus")
            .current_dir(&dir.0)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("prometheus is needed ({error}): install Debian's package `prometheus`, or run tests/run.sh as root")
            });
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = log.next_line().await.unwrap().expect("prometheus ended");
            if let Some((_, address)) = line.split_once("\"Listening on\" address=") {
                break address.trim().to_owned();
            }
        };
        // So that it does not wait for somebody to read.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { address, _child: child, _dir: dir }
    }

    async fn get(&self, path: &str) -> Json {
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        let mut answer = exchange(&self.address, &request).await;
        // It listens before it is ready.
        while answer.starts_with("HTTP/1.0 503") {
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = exchange(&self.address, &request).await;
        }
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    async fn query(&self, query: &str) -> Vec<Json> {
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={escaped}")).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// The answer as soon as there is one.
    async fn series(&self, query: &str) -> Vec<Json> {
        for _ in 0..240 {
            let series = self.query(query).await;
            if !series.is_empty() {
                return series;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("no answer within a minute: {query}");
    }
}

async fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

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
    let info = prometheus.series("buttress_stack_info{owner!=\"\"}").await;
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
