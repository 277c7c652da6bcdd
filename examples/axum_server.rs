//! An axum server that refuses what it cannot do, and stays healthy while it does.
//!
//! `cargo run --example axum_server` serves, loads itself with 400 requests at once, and tells what came back.
//!
//! `/healthz` is added after the layer, so it stands outside the limits. Inside them, a health check
//! would be refused just when the server is busiest; the orchestrator would restart a server that is
//! merely full, its load would move to the others, and they would be restarted next.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::time::Duration;

use axum::{Router, routing::get};
use buttress::{BoxError, server_stack};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::task::JoinSet;

async fn report() -> &'static str {
    let mut second = tokio::time::interval(Duration::from_millis(200));
    second.tick().await;
    second.tick().await;
    "a report that takes a while"
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let stack = server_stack("reports");
    let bulkhead = stack.bulkhead.bulkhead();
    let app: Router =
        Router::new().route("/report", get(report)).layer(stack).route("/healthz", get(|| async { "ok" }));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
    let mut calls = JoinSet::new();
    for n in 0..400 {
        // Every eightieth request is a health check.
        let path = if n % 80 == 79 { "healthz" } else { "report" };
        let (client, uri) = (client.clone(), format!("http://{address}/{path}").parse()?);
        calls.spawn(async move { Ok::<_, BoxError>((path, client.get(uri).await?.status().as_u16())) });
    }
    let mut answers = BTreeMap::new();
    while let Some(answer) = calls.join_next().await {
        *answers.entry(answer??).or_insert(0) += 1;
    }
    for ((path, status), count) in answers {
        println!("/{path:<8} {status}  {count} times");
    }
    println!("{:#?}", bulkhead.snapshot());
    Ok(())
}
