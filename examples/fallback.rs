//! Prices come from a service that is down for some articles; then from yesterday's list, if it is safe to
//! ask again; and else there is a price that is always right: none.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use buttress::{BoxError, FallbackLayer, Fallen};
use tower::{ServiceBuilder, service_fn};

async fn price(article: u64) -> Result<Option<u64>, BoxError> {
    if article > 1 { Err("price service is down".into()) } else { Ok(Some(article * 100)) }
}

async fn yesterdays_price(article: u64) -> Result<Option<u64>, BoxError> {
    if article > 2 { Err("not in the list".into()) } else { Ok(Some(article * 90)) }
}

#[tokio::main]
async fn main() {
    let nothing = FallbackLayer::with(|fallen: Fallen<Option<u64>, BoxError>| {
        if let Some(Err(error)) = fallen.result() {
            println!("  no price: {error}");
        }
        Ok(None)
    });
    let list = FallbackLayer::service(service_fn(yesterdays_price)).name("list");
    let prices = ServiceBuilder::new().layer(nothing.clone()).layer(list.clone()).service(service_fn(price));

    for article in 1..=3 {
        let price = prices.clone().oneshot(article).await.expect("the outer fallback cannot fail");
        println!("article {article}: {price:?}");
    }

    let (list, nothing) = (list.fallback().snapshot(), nothing.fallback().snapshot());
    println!(
        "{}: answered {}, failed {}, because of {:?}",
        list.name, list.degraded, list.failed, list.causes
    );
    println!("none at all: {} of {} calls", nothing.degraded, nothing.calls);
}
