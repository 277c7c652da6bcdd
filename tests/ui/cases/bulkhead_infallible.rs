//! A server that cannot fail and does not speak HTTP has to say what a rejection looks like.
use std::convert::Infallible;

use buttress::BulkheadLayer;
use tower::Layer;

async fn answer(_: u64) -> Result<u64, Infallible> {
    Ok(1)
}

fn main() {
    let service = BulkheadLayer::new(1).layer(tower::service_fn(answer));
    let _ = service.oneshot(1);
}
