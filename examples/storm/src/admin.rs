//! The admin page, to watch the storm as whoever is on call would; and metrics beside it.

use std::io;

use axum::Router;
use buttress::admin::Admin;
use rand::distr::{Alphanumeric, SampleString};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// A page that is served for as long as this is there.
pub struct Page {
    pub address: String,
    /// Whoever has it can switch things. Made anew each time.
    pub token: String,
    _runtime: Runtime,
}

impl Page {
    /// On a thread of its own, so that the storm does not make it wait.
    pub fn serve(port: u16) -> io::Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("admin").enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port)))?;
        let address = format!("http://{}/", listener.local_addr()?);
        let token = Alphanumeric.sample_string(&mut rand::rng(), 24);
        let app: Router = {
            // The router begins to look at the engines when it is made in a runtime.
            let _inside = runtime.enter();
            with_metrics(Admin::new().overrides(&token).router())
        };
        runtime.spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("storm: the admin page stopped: {error}");
            }
        });
        Ok(Self { address, token, _runtime: runtime })
    }
}

/// The page answers what nothing else does.
fn with_metrics(page: Router) -> Router {
    let metrics = axum::routing::get(buttress::metrics::prometheus::handler);
    Router::new().route("/metrics", metrics).fallback_service(page)
}
