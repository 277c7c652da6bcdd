//! An HTTP client over loopback, without any layer.

use std::io;
use std::net::SocketAddr;

use axum::body::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, service_fn};

pub type HttpRequest = Request<Empty<Bytes>>;
pub type HttpResponse = Response<Bytes>;
pub type Http = BoxCloneSyncService<HttpRequest, HttpResponse, BoxError>;

/// A client with connections of its own, which it keeps alive.
pub fn http(address: SocketAddr) -> Http {
    let connect = service_fn(move |_: Uri| Box::pin(connect(address)));
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connect);
    BoxCloneSyncService::new(service_fn(move |request: HttpRequest| {
        let response = client.request(request);
        async move {
            let (head, body) = response.await?.into_parts();
            // A connection is free for the next call only when the answer was read to its end.
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        }
    }))
}

async fn connect(address: SocketAddr) -> io::Result<TokioIo<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // Each call that is given up closes its connection. Thousands of them would linger in TIME_WAIT and
    // use up the ports.
    stream.set_zero_linger()?;
    Ok(TokioIo::new(stream))
}

pub fn get(address: SocketAddr, path: &str) -> Result<HttpRequest, http::Error> {
    Request::get(format!("http://{address}{path}")).body(Empty::new())
}
