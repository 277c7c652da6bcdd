//! Stays within the quota of an upstream: first rejects what exceeds it, then waits instead.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example shows what happens, and when"
)]

use std::time::{Duration, Instant};

use buttress::{BoxError, Quota, RateLimitLayer, find_rejected};
use tower::{Service, ServiceBuilder, service_fn};

async fn geocode(address: u64) -> Result<u64, BoxError> {
    Ok(address)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    // Twenty per second, three of them at once. More is rejected, and told when to come back.
    let layer = RateLimitLayer::new(Quota::per_second(20).burst(3)).name("geocoder");
    let limiter = layer.limiter();
    let mut client = ServiceBuilder::new().layer(layer).service(service_fn(geocode));
    for address in 1..=5 {
        match client.ready().await?.call(address).await {
            Ok(_) => println!("call {address}: answered, {} cells left", limiter.peek().remaining),
            Err(error) => match find_rejected(&*error) {
                Some(rejected) => {
                    println!("call {address}: never sent, room in {:?}", rejected.retry_after())
                }
                None => return Err(error),
            },
        }
    }

    // The same limit in another mode: calls wait for their turn, at most a second.
    let waiting = RateLimitLayer::from_limiter(limiter.clone()).wait(Duration::from_secs(1));
    let mut client = ServiceBuilder::new().layer(waiting).service(service_fn(geocode));
    let start = Instant::now();
    for address in 6..=10 {
        client.ready().await?.call(address).await?;
        println!("call {address}: answered after {:.0?}", start.elapsed());
    }

    let counts = limiter.snapshot();
    println!(
        "{}: {} calls, {} admitted, {} rejected",
        counts.name, counts.calls, counts.admitted, counts.rejected
    );
    Ok(())
}
