use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use buttress::Rejected;
use tonic::codegen::BoxStream;
use tonic::codegen::tokio_stream;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status, async_trait};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::http::support::Gate;
use crate::support::panic_quietly;

/// A service that does what the request says.
#[derive(Clone)]
pub struct Scripted {
    pub gate: Gate,
    calls: Arc<AtomicUsize>,
}

impl Scripted {
    pub fn new() -> Self {
        Self { gate: Gate::new(), calls: Arc::default() }
    }

    pub fn server(&self) -> HealthServer<Self> {
        HealthServer::new(self.clone())
    }

    /// Calls that reached the handler.
    pub fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

const SERVING: HealthCheckResponse = HealthCheckResponse { status: 1 };

#[async_trait]
impl Health for Scripted {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.calls.fetch_add(1, SeqCst);
        match request.into_inner().service.as_str() {
            "gate" => drop(self.gate.clone().pass().await),
            "hang" => std::future::pending().await,
            "panic" => panic_quietly(),
            "" => {}
            code => return Err(Status::new(Code::from_bytes(code.as_bytes()), "as it was asked")),
        }
        Ok(Response::new(SERVING))
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    /// Three messages, and then the status that the request says.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.calls.fetch_add(1, SeqCst);
        let code = Code::from_bytes(request.into_inner().service.as_bytes());
        let mut messages = vec![Ok(SERVING); 3];
        if code != Code::Ok {
            messages.push(Err(Status::new(code, "as it was asked")));
        }
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }
}

/// A port that the system chose.
pub fn bind() -> (TcpIncoming, SocketAddr) {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    (incoming, address)
}

/// A connection of its own, made when it is needed.
pub fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

pub fn plain(address: SocketAddr) -> HealthClient<Channel> {
    HealthClient::new(channel(address))
}

pub fn asking(what: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: what.to_owned() }
}

/// The error of tonic's channel as the status that it stands for.
pub fn status(error: tonic::transport::Error) -> Status {
    Status::from_error(error.into())
}

pub fn rejected(status: &Status) -> Option<Rejected> {
    buttress::find_rejected(status).copied()
}

pub fn pushback(status: &Status) -> Option<i64> {
    status.metadata().get("grpc-retry-pushback-ms").map(|value| value.to_str().unwrap().parse().unwrap())
}
