//! A reqwest client that repeats what it may, leaves a server alone while it fails, and finds out when it is well again.
//!
//! `cargo run --features reqwest --example reqwest` serves, calls itself, and tells what came back.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::{Router, http::StatusCode, routing::any};
use buttress::{BoxError, CallError, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, client_stack};
use reqwest::{Method, Request, Response, Url};
use tower::{Service, ServiceBuilder};

/// The stack keeps reqwest's own error, and has room for its rejections.
type Answer = Result<Response, CallError<reqwest::Error>>;

fn told(answer: &Answer) -> String {
    match answer {
        Ok(response) => format!("{}, said the server", response.status()),
        Err(CallError::Rejected(rejected)) => format!("not sent: {}", rejected.kind().as_str()),
        Err(CallError::Inner(error)) => format!("failed: {error}"),
    }
}

fn show(title: &str, tally: BTreeMap<String, u64>, requests: u64) {
    println!("{title}: the server saw {requests} requests");
    for (answer, count) in tally {
        println!("  {count:>3}  {answer}");
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // Of so many requests one is answered.
    let one_in = Arc::new(AtomicU64::new(1));
    let seen = Arc::new(AtomicU64::new(0));
    let balance = {
        let (one_in, seen) = (Arc::clone(&one_in), Arc::clone(&seen));
        move || async move {
            let is_well = (seen.fetch_add(1, Relaxed) + 1).is_multiple_of(one_in.load(Relaxed));
            if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        }
    };
    let app = Router::new().route("/balance", any(balance));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url: Url = format!("http://{}/balance", listener.local_addr()?).parse()?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let config = CircuitBreakerConfig::default().open_time(Duration::from_millis(300));
    let stack = client_stack("bank").circuit_breaker(CircuitBreakerLayer::new(config));
    let breaker = stack.circuit_breaker.breaker();
    let client = ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(reqwest::Client::new());

    let send = async |title: &str, calls: u64, request: &dyn Fn() -> Request| {
        let (before, mut tally) = (seen.load(Relaxed), BTreeMap::new());
        let mut client = client.clone();
        for _ in 0..calls {
            let answer = client.ready().await?.call(request()).await;
            *tally.entry(told(&answer)).or_insert(0) += 1;
        }
        show(title, tally, seen.load(Relaxed) - before);
        Ok::<_, BoxError>(())
    };
    let get = || Request::new(Method::GET, url.clone());
    let post = || Request::new(Method::POST, url.clone());
    let keyed = || {
        let mut request = post();
        request.headers_mut().insert("idempotency-key", "7".parse().expect("a digit may stand in a header"));
        request
    };

    send("20 calls, and the server is well", 20, &get).await?;
    one_in.store(2, Relaxed);
    send("10 GET, and every other request fails", 10, &get).await?;
    send("10 POST, which are not repeated", 10, &post).await?;
    send("10 POST with an Idempotency-Key, which are, within the budget of the retries", 10, &keyed).await?;
    one_in.store(u64::MAX, Relaxed);
    send("300 GET, and the server is broken", 300, &get).await?;

    one_in.store(1, Relaxed);
    println!("The server is well again, and the circuit is {}.", breaker.state().as_str());
    while breaker.state() != CircuitState::Closed {
        breaker.ready().await;
        client.clone().oneshot(get()).await?;
    }
    send("20 calls after some trial calls", 20, &get).await
}
