//! A breaker over an error type that nobody explained, met at `.oneshot()`.
use buttress::{CircuitBreakerConfig, CircuitBreakerLayer};
use tower::Layer;

struct Broken;

async fn answer(_: u64) -> Result<u64, Broken> {
    Err(Broken)
}

fn main() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).on_reject(|_| Err(Broken));
    let service = layer.layer(tower::service_fn(answer));
    let _ = service.oneshot(1);
}
