//! A breaker over a response type that nobody explained, met at `.ready()`.
use buttress::{BoxError, CircuitBreakerConfig, CircuitBreakerLayer};
use tower::Layer;

struct Reply;

async fn answer(_: u64) -> Result<Reply, BoxError> {
    Ok(Reply)
}

fn main() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default());
    let mut service = layer.layer(tower::service_fn(answer));
    drop(service.ready());
}
