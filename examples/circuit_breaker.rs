//! A payment service goes down for a while, and what its callers see of it.
//!
//! `cargo run --example circuit_breaker`
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example shows what it does, in real time"
)]

use std::time::{Duration, Instant};

use buttress::circuit_breaker::{Outage, Window};
use buttress::{BoxError, CircuitBreakerConfig, CircuitBreakerLayer, find_rejected};
use tower::{Service, ServiceBuilder, service_fn};

const MS: Duration = Duration::from_millis(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let config = CircuitBreakerConfig::default()
        .window(Window::last_calls(20))
        .min_calls(20)
        .outage(Outage::new(5, 100 * MS))
        .open_time(200 * MS);
    let layer = CircuitBreakerLayer::new(config).name("payments");
    let breaker = layer.breaker();
    let start = Instant::now();
    breaker.subscribe(move |event| println!("{:>5} ms  {event}", start.elapsed().as_millis())).keep();

    // Down from 300 ms to 900 ms.
    let pay = move |order: u64| async move {
        match start.elapsed().as_millis() {
            300..900 => Err::<u64, BoxError>("connection refused".into()),
            _ => Ok(order),
        }
    };
    let mut payments = ServiceBuilder::new().layer(layer).service(service_fn(pay));

    let (mut paid, mut failed, mut rejected) = (0, 0, 0);
    while start.elapsed() < 1_500 * MS {
        match payments.ready().await?.call(7).await {
            Ok(_) => paid += 1,
            Err(error) if find_rejected(&*error).is_some() => rejected += 1,
            Err(_) => failed += 1,
        }
        tokio::time::sleep(10 * MS).await;
    }
    println!("{paid} paid, {failed} failed, {rejected} rejected at once");
    println!(
        "Without the breaker, every call of the outage would have failed at the payment service's cost."
    );
    Ok(())
}
