//! A page that shows every engine of the process, and can switch them.
//!
//! `cargo run --example admin --features admin`, then open the address that it prints.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example shows what it does, in real time"
)]

use std::time::{Duration, Instant};

use axum::Router;
use buttress::admin::Admin;
use buttress::{BoxError, client_stack};
use tower::{Layer, service_fn};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    for dependency in ["payments", "search", "mail"] {
        tokio::spawn(traffic(dependency));
    }

    // For this machine only; from elsewhere it is seen with `.allow_host("ops.internal:9000")`.
    let (admin, what) = match std::env::var("ADMIN_TOKEN") {
        Ok(token) => (Admin::new().try_overrides(token)?, "changes need the token in ADMIN_TOKEN"),
        Err(_) => {
            (Admin::new(), "read-only: to change things, start it with a secret of yours in ADMIN_TOKEN")
        }
    };
    let app: Router = Router::new().nest_service("/buttress", admin.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/buttress ({what})", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// Fifty calls a second. Payments fail for 20 s in every minute.
async fn traffic(dependency: &'static str) {
    let start = Instant::now();
    let fails = move || dependency == "payments" && start.elapsed().as_secs() % 60 >= 40;
    let call = move |request: u64| async move {
        tokio::time::sleep(Duration::from_millis(10 + request % 20)).await;
        if fails() { Err::<u64, BoxError>("connection refused".into()) } else { Ok(request) }
    };
    let service = client_stack(dependency).layer(service_fn(call));
    for request in 0.. {
        tokio::spawn(service.clone().oneshot(request));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
