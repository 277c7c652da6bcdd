//! A small axum service, with or without [`server_stack`], for `benches/service.sh` to put under load.

#![allow(clippy::print_stdout, reason = "it tells where it listens")]

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::{Router, routing::get};
use buttress::{BoxError, server_stack};
use serde::Serialize;

#[derive(Serialize)]
struct Order {
    id: u64,
    state: &'static str,
}

async fn order() -> impl IntoResponse {
    let body = serde_json::to_vec(&Order { id: 7, state: "shipped" }).expect("it has no map");
    ([(CONTENT_TYPE, "application/json")], body)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let orders = Router::new().route("/order", get(order));
    let app = match std::env::args().nth(1).as_deref() {
        Some("without") => orders,
        Some("with") => orders.layer(server_stack("orders")),
        _ => return Err("service with|without".into()),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/order", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
