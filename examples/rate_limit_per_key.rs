//! Gives each client of a server its own quota, in a table of bounded size.
#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use buttress::{Quota, RateLimitLayer};
use http::{Request, Response};
use tower::{Service, ServiceBuilder, service_fn};

async fn hello(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new("hello".into()))
}

/// The peer's address, as the server that accepted the connection noted it. Never from a header that
/// clients can write themselves.
fn peer(request: &Request<String>) -> Option<IpAddr> {
    request.extensions().get::<IpAddr>().copied()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Infallible> {
    // A minute's worth for each client, five at once; a request that uploads much costs more.
    let layer = RateLimitLayer::per_key(Quota::per_minute(60).burst(5), peer)
        .cost(|request: &Request<String>| if request.body().len() > 1_000 { 5 } else { 1 })
        .max_keys(10_000)
        .name("clients");
    let limiter = layer.limiter();
    let mut server = ServiceBuilder::new().layer(layer).service(service_fn(hello));

    let clients = [1, 1, 1, 2, 1, 1, 1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
    for client in clients {
        let mut request = Request::new(String::new());
        request.extensions_mut().insert(client);
        let response = server.ready().await?.call(request).await?;
        let left = limiter.peek(&client).remaining;
        let wait = response.headers().get(http::header::RETRY_AFTER);
        println!("{client}: {}, {left} left, retry after {wait:?}", response.status());
    }
    println!("{} keys in the table, {} calls rejected", limiter.len(), limiter.snapshot().rejected);
    Ok(())
}
