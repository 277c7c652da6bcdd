//! `cargo run -p beyond-tower --example reqwest_middleware` serves, calls itself, and tells what came back.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::{Router, http::StatusCode, routing::any};
use beyond_tower::middleware::Resilience;
use buttress::find_rejected;
use reqwest_middleware::{ClientBuilder, RequestBuilder};

static SEEN: AtomicU64 = AtomicU64::new(0);
/// Of so many requests one is answered.
static ONE_IN: AtomicU64 = AtomicU64::new(2);

async fn balance() -> StatusCode {
    let is_well = (SEEN.fetch_add(1, Relaxed) + 1).is_multiple_of(ONE_IN.load(Relaxed));
    if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn told(request: RequestBuilder) -> String {
    match request.send().await {
        Ok(response) => format!("{}, said the server", response.status()),
        Err(reqwest_middleware::Error::Middleware(error)) => match find_rejected(error.as_ref()) {
            Some(rejected) => format!("not sent: {}", rejected.kind().as_str()),
            None => format!("failed: {error}"),
        },
        Err(error) => format!("failed: {error}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/balance", listener.local_addr()?);
    let app = Router::new().route("/balance", any(balance));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let resilience = Resilience::new("bank");
    let client = ClientBuilder::new(reqwest::Client::new()).with(resilience.clone()).build();
    for (title, one_in, calls) in [
        ("10 calls, and every other request fails", 2, 10),
        ("300 calls, and the server is broken", u64::MAX, 300),
    ] {
        ONE_IN.store(one_in, Relaxed);
        let (before, mut tally) = (SEEN.load(Relaxed), BTreeMap::new());
        for _ in 0..calls {
            *tally.entry(told(client.get(&url)).await).or_insert(0) += 1;
        }
        println!("{title}: the server saw {} requests", SEEN.load(Relaxed) - before);
        for (answer, count) in tally {
            println!("  {count:>3}  {answer}");
        }
    }
    println!("The circuit is {}.", resilience.circuit_breaker.state().as_str());
    Ok(())
}
