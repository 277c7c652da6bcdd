//! hyper-util's server with `TowerToHyperService`, where an `Err` would close the connection without an answer.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::{Layer, Service};

use super::app::App;
use super::refusals::{assert_refused, every_refusal};
use super::scenarios::{Guard, Host, scenarios};
use buttress::http::ProblemJsonLayer;

/// One service for all connections, until it is told to stop.
async fn accept<S>(listener: TcpListener, service: S, stop: oneshot::Receiver<()>)
where
    S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            _ = &mut stop => break,
        };
        let service = TowerToHyperService::new(service.clone());
        let connection =
            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).into_owned();
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    connections.shutdown().await;
}

struct Hyper;

impl Host for Hyper {
    async fn serve(guard: Guard, app: App, stop: oneshot::Receiver<()>) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (address, tokio::spawn(accept(listener, guard.layer(app), stop)))
    }
}

scenarios!(super::Hyper);

async fn serve_with<L>(layer: L) -> SocketAddr
where
    L: Layer<App>,
    L::Service: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = ProblemJsonLayer::new().layer(layer.layer(App::new()));
    let (stop, stopped) = oneshot::channel();
    // Until the test's runtime ends.
    std::mem::forget(stop);
    tokio::spawn(accept(listener, service, stopped));
    address
}

#[tokio::test]
async fn every_layer_refuses_with_a_response() {
    assert_refused(every_refusal!(serve_with)).await;
}
