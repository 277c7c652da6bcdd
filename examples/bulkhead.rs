//! One slow report must not take up every worker: at most two at a time, two more may wait for 50 ms.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(clippy::disallowed_methods, reason = "the report takes its time on tokio's clock")]

use std::time::Duration;

use buttress::{BoxError, BulkheadLayer, find_rejected};
use tower::{Layer, service_fn};

async fn report(id: u64) -> Result<u64, BoxError> {
    // All but the first are slow today.
    let time = if id == 1 { 30 } else { 200 };
    tokio::time::sleep(Duration::from_millis(time)).await;
    Ok(id)
}

#[tokio::main]
async fn main() {
    let layer = BulkheadLayer::new(2).queue(2, Duration::from_millis(50)).name("reports");
    let bulkhead = layer.bulkhead();
    let service = layer.layer(service_fn(report));

    let mut calls = tokio::task::JoinSet::new();
    for id in 1..=6 {
        let service = service.clone();
        calls.spawn(async move { (id, service.oneshot(id).await) });
    }
    while let Some(call) = calls.join_next().await {
        match call.expect("a report panicked") {
            (id, Ok(_)) => println!("report {id}: done"),
            (id, Err(error)) => match find_rejected(&*error) {
                Some(rejected) => println!("report {id}: {rejected} [{}]", rejected.kind().as_str()),
                None => println!("report {id}: {error}"),
            },
        }
    }

    let counts = bulkhead.snapshot();
    println!(
        "{}: {} calls, {} completed, {} rejected because the queue was full, {} after waiting",
        counts.name, counts.calls, counts.completed, counts.queue_full, counts.queue_timeout
    );
}
