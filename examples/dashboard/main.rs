//! Draws `dashboards/buttress.json` as far as a picture can show it: calls unreliable dependencies for a minute,
//! lets a real Prometheus scrape it, and puts its answers to the dashboard's own queries where the dashboard
//! has them.
//!
//! `cargo run --release --example dashboard --features prometheus,axum > docs/dashboard.svg`; needs Debian's package
//! `prometheus`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a tool that runs once, in real time"
)]

mod draw;
mod panel;
#[path = "../../tests/it/support/prometheus.rs"]
#[allow(dead_code, unreachable_pub, reason = "tests use all of it")]
mod prometheus;

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::{Router, routing::get};
use buttress::metrics::prometheus::handler;
use buttress::{BoxError, CallError, Quota, RateLimitLayer, client_stack};
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt, service_fn};

use panel::Panel;
use prometheus::Prometheus;

const SECONDS: u64 = 70;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let app: Router = Router::new().route("/metrics", get(handler));
    tokio::spawn(async move { axum::serve(listener, app).await });

    // Payments go down and stay so, search has a bad time and recovers, mail is well.
    let payments = client_stack("payments").owner("team-pay").runbook("https://wiki.example/payments");
    let search = client_stack("search").owner("team-find").runbook("https://wiki.example/search");
    let mail = client_stack("mail").owner("team-post").runbook("https://wiki.example/mail");
    let mail = mail.rate_limit(RateLimitLayer::new(Quota::per_second(50)));
    let begin = Instant::now();
    let traffic = [
        calls(payments.layer(dependency(begin, |at| if at < 35 { (25, 0.01) } else { (40, 0.85) })), 120),
        calls(
            search.layer(dependency(begin, |at| if at.abs_diff(18) > 6 { (60, 0.01) } else { (90, 0.8) })),
            90,
        ),
        calls(mail.layer(dependency(begin, |_| (15, 0.001))), 40),
    ];
    let prometheus = Prometheus::start(&address).await;
    eprintln!("a minute of traffic ..");
    tokio::time::sleep(Duration::from_secs(SECONDS)).await;

    let end = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let dashboard: serde_json::Value = serde_json::from_str(include_str!("../../dashboards/buttress.json"))?;
    let mut panels = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        if let Some(panel) = Panel::ask(panel, &prometheus, end - SECONDS + 5..end).await {
            panels.push(panel);
        }
    }
    println!("{}", draw::dashboard(&panels));
    traffic.iter().for_each(JoinHandle::abort);
    Ok(())
}

type Fail = CallError<io::Error>;

/// Takes so many milliseconds, and fails so often, at that second.
fn dependency(
    begin: Instant,
    at: impl Fn(u64) -> (u64, f64) + Clone + Send + 'static,
) -> impl Service<u64, Response = u64, Error = Fail, Future = impl Send> + Clone + Send + 'static {
    service_fn(move |request: u64| {
        let (mean, fails) = at(begin.elapsed().as_secs());
        let (luck, time) = (rand::random::<f64>(), 0.5 - rand::random::<f64>().ln() / 2.0);
        async move {
            tokio::time::sleep(Duration::from_millis(mean).mul_f64(time)).await;
            if luck < fails { Err(CallError::Inner(ErrorKind::ConnectionReset.into())) } else { Ok(request) }
        }
    })
}

/// So many calls in each second.
fn calls<S>(service: S, per_second: u32) -> JoinHandle<()>
where
    S: Service<u64, Response = u64, Error = Fail, Future: Send> + Clone + Send + 'static,
{
    tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(1) / per_second);
        for request in 0.. {
            every.tick().await;
            tokio::spawn(service.clone().oneshot(request));
        }
    })
}
