//! The servers that lanes call.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use buttress::server_stack;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::upstream::Upstream;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Server {
    /// Works on every request to its end, also when the client has given up.
    GoesOn,
    /// Stops when the client has given up.
    Cancels,
    /// An axum server, which therefore stops, too; with or without the recommended limits.
    Axum { limited: bool },
}

impl Server {
    pub const fn cancels(self) -> bool {
        !matches!(self, Self::GoesOn)
    }

    /// Whether it tells its health beside its work.
    pub const fn has_health(self) -> bool {
        matches!(self, Self::Axum { .. })
    }

    /// Starts it on a port that the system chooses.
    pub async fn start(self, upstream: &Arc<Upstream>, tasks: &mut JoinSet<()>) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Upstream::start_workers(upstream, tasks);
        let routes = self.routes(upstream);
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                eprintln!("storm: a server stopped: {error}");
            }
        });
        Ok(address)
    }

    fn routes(self, upstream: &Arc<Upstream>) -> Router {
        let work = Upstream::routes(Arc::clone(upstream));
        match self {
            Self::GoesOn | Self::Cancels => work,
            Self::Axum { limited: false } => work.merge(health()),
            Self::Axum { limited: true } => work.layer(server_stack("storm")).merge(health()),
        }
    }
}

/// Outside the limits: whoever asks whether the server is alive is not to be told that it is busy.
fn health() -> Router {
    Router::new().route("/healthz", get(async || "alive"))
}
