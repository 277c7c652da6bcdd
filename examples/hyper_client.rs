//! hyper-util's client inside of the recommended stack, while its server has a bad minute.
//!
//! `cargo run --features hyper-util --example hyper_client` serves, calls itself, and tells what came back.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example shows what it does, in real time"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::http::{Request, StatusCode};
use axum::{Router, routing::get};
use buttress::{BoxError, CallError, CircuitBreakerConfig, CircuitBreakerLayer, CircuitState, client_stack};
use http_body_util::Empty;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use tower::{Service, ServiceBuilder};

/// The stack keeps the client's own error, and has room for its rejections.
fn told(answer: Result<StatusCode, CallError<Error>>) -> String {
    match answer {
        Ok(status) => format!("{status}, said the server"),
        Err(CallError::Rejected(rejected)) => format!("not sent: {}", rejected.kind().as_str()),
        Err(CallError::Inner(error)) if error.is_connect() => "nobody there".to_owned(),
        Err(CallError::Inner(error)) => format!("failed: {error}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (is_broken, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let price = {
        let (is_broken, seen) = (Arc::clone(&is_broken), Arc::clone(&seen));
        move || async move {
            seen.fetch_add(1, Relaxed);
            Ok::<_, Infallible>(if is_broken.load(Relaxed) {
                StatusCode::BAD_GATEWAY
            } else {
                StatusCode::OK
            })
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}/price", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/price", get(price))).await });

    let config = CircuitBreakerConfig::default().open_time(Duration::from_millis(300));
    let stack = client_stack("prices").circuit_breaker(CircuitBreakerLayer::new(config));
    let breaker = stack.circuit_breaker.breaker();
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
    let mut client = ServiceBuilder::new().layer(stack).map_err(CallError::Inner).service(client);

    let mut ask = async |title: &str, calls: u64| {
        let (before, mut tally) = (seen.load(Relaxed), BTreeMap::new());
        for _ in 0..calls {
            let request = Request::get(&uri).body(Empty::new())?;
            let answer = client.ready().await?.call(request).await.map(|response| response.status());
            *tally.entry(told(answer)).or_insert(0) += 1;
        }
        println!("{title}: the server saw {} requests", seen.load(Relaxed) - before);
        for (answer, count) in tally {
            println!("  {count:>3}  {answer}");
        }
        Ok::<_, BoxError>(())
    };
    ask("100 calls, and all is well", 100).await?;
    is_broken.store(true, Relaxed);
    ask("200 calls, and the server is broken", 200).await?;
    is_broken.store(false, Relaxed);
    while breaker.state() != CircuitState::Closed {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ask("it is well again; one call", 1).await?;
    }
    Ok(())
}
