//! A search that may take 50 ms, and what its caller gets when it takes longer.
//!
//! `cargo run --example timeout`
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use buttress::{BoxError, TimeoutLayer, find_rejected};
use tower::{Service, ServiceBuilder, service_fn};

async fn search(words: &'static str) -> Result<String, BoxError> {
    if words.len() > 10 {
        std::future::pending::<()>().await;
    }
    Ok(format!("3 hits for {words:?}"))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let layer = TimeoutLayer::new(Duration::from_millis(50)).name("search");
    let timeout = layer.timeout();
    let mut service = ServiceBuilder::new().layer(layer).service(service_fn(search));

    for words in ["tower", "a very long question"] {
        match service.ready().await?.call(words).await {
            Ok(hits) => println!("{hits}"),
            Err(error) => match find_rejected(&*error) {
                Some(rejected) => println!("{words:?}: {rejected}"),
                None => println!("{words:?} failed: {error}"),
            },
        }
    }
    let counts = timeout.snapshot();
    println!("{} calls, {} timed out", counts.calls, counts.timed_out);
    Ok(())
}
