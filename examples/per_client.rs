//! An axum server behind one proxy, with a quota for each client that is told on each response.
//!
//! `cargo run --features axum --example per_client` serves, plays the proxy, and shows that a client that forges
//! addresses gets no more than its share.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::net::SocketAddr;

use axum::{Router, routing::get};
use buttress::{BoxError, ClientKey, Quota, RateLimitLayer};
use http::Request;
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // One proxy, and its entry is the last one. What stands left of it is whatever the client wrote.
    let limit = RateLimitLayer::per_key(Quota::per_minute(60).burst(3), ClientKey::x_forwarded_for(1))
        .max_keys(100_000)
        .name("clients");
    let limiter = limit.limiter();
    let app: Router = Router::new()
        .route("/", get(|| async { "hello" }))
        .layer(limit.headers("per-client"))
        // Added after the layer, so outside of it.
        .route("/healthz", get(|| async { "ok" }));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // With the peer of each connection: what counts if the proxy's entry cannot be read.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
    for (number, connected) in [1, 1, 1, 1, 2, 1].into_iter().enumerate() {
        // What the client forged, and what the proxy adds: who connected to it.
        let forwarded = format!("203.0.113.{number}, 192.0.2.{connected}");
        let request = Request::get(format!("http://{address}/")).header("x-forwarded-for", &forwarded);
        let response = client.request(request.body(Empty::new())?).await?;
        println!("{forwarded}: {}", response.status());
        for name in ["ratelimit-policy", "ratelimit", "retry-after"] {
            if let Some(value) = response.headers().get(name) {
                println!("    {name}: {}", value.to_str()?);
            }
        }
    }
    println!("{} clients, {} rejected", limiter.len(), limiter.snapshot().rejected);
    Ok(())
}
