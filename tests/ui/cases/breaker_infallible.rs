//! A breaker in front of a server that cannot fail and does not speak HTTP has to be told what counts.
use std::convert::Infallible;

use buttress::{CircuitBreakerConfig, CircuitBreakerLayer};
use tower::Layer;

struct Reply;

async fn answer(_: u64) -> Result<Reply, Infallible> {
    Ok(Reply)
}

fn main() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).on_reject(|_| Ok(Reply));
    let service = layer.layer(tower::service_fn(answer));
    let _ = service.oneshot(1);
}
