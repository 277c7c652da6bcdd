//! `cargo run -p beyond-tower --example queue_consumer` puts messages into a queue, and breaks the service that takes them.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use beyond_tower::queue::{Consumer, Message};
use reqwest::Client;
use tokio::sync::mpsc;

/// How often each key was seen.
static SEEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// Down while it sees the fourth to the seventh request; and the third message is not to its taste.
async fn orders(headers: HeaderMap) -> StatusCode {
    let key = headers["idempotency-key"].to_str().expect("our keys are text").to_owned();
    let mut seen = SEEN.lock().expect("nobody panics with it");
    let is_bad = key == "\"order 3\"";
    *seen.entry(key.clone()).or_default() += 1;
    let requests: u32 = seen.values().sum();
    let status = match requests {
        4..=7 => StatusCode::SERVICE_UNAVAILABLE,
        _ if is_bad => StatusCode::BAD_REQUEST,
        _ => StatusCode::CREATED,
    };
    println!("    request {requests:>2}, key {key}: {status}");
    status
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/orders", listener.local_addr()?).parse()?;
    let app = Router::new().route("/orders", post(orders));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (queue, messages) = mpsc::channel(100);
    let (dead_letters, mut dead) = mpsc::channel(100);
    let client = Client::builder().timeout(Duration::from_secs(1)).build()?;
    let consumer = Consumer::new("orders", client, url, dead_letters);
    let watched = queue.downgrade();
    consumer
        .circuit_breaker
        .subscribe(move |event| {
            let waiting = watched.upgrade().map_or(0, |queue| queue.max_capacity() - queue.capacity());
            println!("{event}; in the queue: {waiting}");
        })
        .keep();

    for n in 1..=6 {
        queue.send(Message { id: format!("order {n}"), body: "one tea".to_owned() }).await?;
    }
    let finished = async {
        // The queue is closed once all is said; the consumer works off what is left.
        while queue.capacity() < queue.max_capacity() {
            tokio::task::yield_now().await;
        }
        drop(queue);
    };
    tokio::join!(consumer.run(messages), finished);
    drop(consumer);
    while let Some(letter) = dead.recv().await {
        println!("dead letter: {:?}: {}", letter.message.id, letter.reason);
    }
    Ok(())
}
