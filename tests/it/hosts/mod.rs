//! The same scenarios on each host of the layers, over real sockets, on HTTP/1.1 and on HTTP/2.

mod app;
mod axum;
mod caller;
mod client;
mod exempt;
mod hyper;
mod refusals;
mod repeats;
mod scenarios;
mod tonic;

/// What is held for ever would have a scenario wait for ever; it is to fail.
async fn within_a_minute(scenario: impl Future<Output = ()>) {
    tokio::time::timeout(std::time::Duration::from_secs(60), scenario).await.expect("an end within a minute");
}
