//! tonic's server with what is not gRPC: routes of axum beside its services.

use std::net::SocketAddr;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::Server;

use super::app::App;
use super::scenarios::{Guard, Host, scenarios};
use crate::grpc::support::bind;

struct Tonic;

impl Host for Tonic {
    async fn serve(guard: Guard, app: App, stop: oneshot::Receiver<()>) -> (SocketAddr, JoinHandle<()>) {
        let (incoming, address) = bind();
        let router = super::axum::router(app);
        let server = Server::builder().accept_http1(true).layer(guard).add_routes(Routes::from(router));
        let server = server.serve_with_incoming_shutdown(incoming, async { drop(stop.await) });
        (address, tokio::spawn(async { server.await.unwrap() }))
    }
}

scenarios!(super::Tonic);
