//! Sixteen shards behind one client, one of them dead: it is cut off alone, and takes no more than its share of calls
//! in flight.
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::io;
use std::time::Duration;

use buttress::{BulkheadLayer, CallError, CircuitBreakerConfig, CircuitBreakerLayer};
use tower::{Service, ServiceBuilder, service_fn};

const SHARDS: u64 = 16;

async fn read(id: u64) -> Result<String, io::Error> {
    match id % SHARDS {
        7 => Err(io::ErrorKind::ConnectionRefused.into()),
        shard => Ok(format!("record {id} of shard {shard}")),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let shard = |id: &u64| Some(id % SHARDS);
    let breakers = CircuitBreakerLayer::per_key(CircuitBreakerConfig::default(), shard).name("storage");
    let limits = BulkheadLayer::per_key(8, shard).queue(8, Duration::from_millis(50)).name("storage");
    let (breaker, bulkhead) = (breakers.breaker(), limits.bulkhead());
    let mut storage = ServiceBuilder::new()
        .layer(breakers)
        .layer(limits)
        .map_err(CallError::Inner)
        .service(service_fn(read));

    let mut answered = [0; SHARDS as usize];
    for id in 0..16_000 {
        let result = match storage.ready().await {
            Ok(ready) => ready.call(id).await,
            Err(error) => Err(error),
        };
        answered[(id % SHARDS) as usize] += u64::from(result.is_ok());
    }
    println!("answered, of 1,000 each: {answered:?}");
    let all = breaker.snapshot();
    println!(
        "{} of {} shards open, {} calls failed, {} rejected",
        all.open, all.keys, all.failed, all.rejected
    );
    for worst in breaker.worst(2) {
        println!("shard {}: {}, {}", worst.key, worst.circuit.state, worst.circuit.causes);
    }
    println!("{} calls went through {} bulkheads", bulkhead.snapshot().admitted, bulkhead.len());

    // By hand: take one shard out, put another back.
    breaker.get(&3_u64).expect("it was called").isolate_for(Duration::from_secs(600));
    breaker.get(&7_u64).expect("it was called").reset();
    println!(
        "now shard 3 {}, shard 7 {}",
        say(breaker.try_admit(&3_u64).is_ok()),
        say(breaker.try_admit(&7_u64).is_ok())
    );
}

fn say(passes: bool) -> &'static str {
    if passes { "passes" } else { "is cut off" }
}
