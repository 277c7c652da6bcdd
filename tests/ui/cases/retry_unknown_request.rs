use buttress::{BoxError, RetryLayer, RetryPolicy};
use tower::{ServiceBuilder, service_fn};

struct Order;

fn main() {
    let shop = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryPolicy::default()))
        .service(service_fn(|_: Order| async { Ok::<(), BoxError>(()) }));
    let _ = shop.oneshot(Order);
}
