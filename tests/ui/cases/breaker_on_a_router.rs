//! A layer on an axum router whose classifier knows no HTTP responses.
use axum::Router;
use buttress::{Classify, CircuitBreakerConfig, CircuitBreakerLayer, Verdict};

#[derive(Clone, Debug)]
struct Numbers;

impl<E> Classify<u64, E> for Numbers {
    fn classify(&self, _: Result<&u64, &E>) -> Verdict {
        Verdict::success()
    }
}

fn main() {
    let layer = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify(Numbers);
    let _: Router = Router::new().layer(layer);
}
