//! A timeout over an error type that cannot carry a rejection, met at a bound.
use std::time::Duration;

use buttress::TimeoutLayer;
use tower::{Layer, Service};

async fn answer(_: u64) -> Result<u64, std::fmt::Error> {
    Ok(1)
}

fn serve(_: impl Service<u64>) {}

fn main() {
    serve(TimeoutLayer::new(Duration::from_secs(1)).layer(tower::service_fn(answer)));
}
