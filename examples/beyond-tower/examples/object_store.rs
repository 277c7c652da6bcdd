//! `cargo run -p beyond-tower --example object_store` serves objects, breaks, and shows what a store does about it.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use axum::{Router, http::StatusCode};
use beyond_tower::plain::Plain;
use beyond_tower::store::Guard;
use buttress::circuit_breaker::Window;
use buttress::{CircuitBreaker, CircuitBreakerConfig, find_rejected};
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStoreExt, RetryConfig, path::Path};

static SEEN: AtomicU64 = AtomicU64::new(0);
static BROKEN: AtomicBool = AtomicBool::new(false);

async fn object() -> (StatusCode, &'static str) {
    SEEN.fetch_add(1, Relaxed);
    if BROKEN.load(Relaxed) { (StatusCode::SERVICE_UNAVAILABLE, "") } else { (StatusCode::OK, "an object") }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(object)).await });

    // A store repeats ten times by default; with a breaker in front of what is broken, two are plenty.
    let retry = RetryConfig { max_retries: 2, ..RetryConfig::default() };
    let config = CircuitBreakerConfig::default().window(Window::last_calls(10)).min_calls(5);
    let circuit_breaker = CircuitBreaker::new(config).named("store");
    let guard = Guard { circuit_breaker, ..Guard::new("store", Plain) };
    let store = HttpBuilder::new()
        .with_url(url)
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .with_retry(retry)
        .with_http_connector(guard)
        .build()?;

    for round in 1..=5 {
        BROKEN.store(round > 1, Relaxed);
        let before = SEEN.load(Relaxed);
        let told = match store.get(&Path::from("a")).await {
            Ok(object) => format!("{} bytes", object.bytes().await?.len()),
            Err(error) => match find_rejected(&error) {
                Some(rejected) => format!("given up at once: {}", rejected.kind().as_str()),
                None => "503, after the store's own repeats".to_owned(),
            },
        };
        println!("get {round}: {told}; requests at the server: {}", SEEN.load(Relaxed) - before);
    }
    Ok(())
}
