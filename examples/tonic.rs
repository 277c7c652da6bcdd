//! A tonic server that refuses what it cannot do, and a client that leaves it alone while it fails.
//!
//! `cargo run --features grpc --example tonic` serves, calls itself, and tells what came back.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use buttress::grpc::{AsGrpc, Grpc};
use buttress::{BoxError, BulkheadLayer, client_stack, find_rejected, server_stack};
use tokio::task::JoinSet;
use tonic::codegen::BoxStream;
use tonic::transport::{Channel, Server, server::TcpIncoming};
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::ServiceBuilder;

static BROKEN: AtomicBool = AtomicBool::new(false);

struct Slow;

#[async_trait]
impl Health for Slow {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if BROKEN.load(Relaxed) {
            return Err(Status::internal("the disk is full"));
        }
        let mut work = tokio::time::interval(Duration::from_millis(50));
        work.tick().await;
        work.tick().await;
        Ok(Response::new(HealthCheckResponse { status: 1 }))
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not in this example"))
    }
}

fn told(answer: &Result<Response<HealthCheckResponse>, Status>) -> String {
    let Err(status) = answer else { return "served".to_owned() };
    let pushback = status.metadata().get("grpc-retry-pushback-ms").map_or("", |_| ", with a push-back");
    match find_rejected(status) {
        Some(rejected) => format!("{:?}, not sent: {}", status.code(), rejected.kind().as_str()),
        None => format!("{:?}, said the server: {}{pushback}", status.code(), status.message()),
    }
}

fn show(title: &str, answers: impl IntoIterator<Item = String>) {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer).or_insert(0) += 1;
    }
    println!("{title}");
    for (answer, count) in tally {
        println!("  {count:>3}  {answer}");
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let server = server_stack("health").bulkhead(BulkheadLayer::new(16).queue(16, Duration::from_millis(60)));
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let channel = Channel::from_shared(format!("http://{}", incoming.local_addr()?))?.connect_lazy();
    let router = Server::builder().layer(server.reject_as(AsGrpc)).add_service(HealthServer::new(Slow));
    tokio::spawn(router.serve_with_incoming(incoming));

    let client = HealthClient::new(
        ServiceBuilder::new()
            .layer(client_stack("health").bulkhead(BulkheadLayer::new(256)).classify(Grpc))
            .map_err(|error: tonic::transport::Error| Status::from_error(error.into()))
            .service(channel),
    );

    let check = || {
        let mut client = client.clone();
        async move { told(&client.check(HealthCheckRequest::default()).await) }
    };

    let mut calls = JoinSet::new();
    (0..60).for_each(|_| drop(calls.spawn(check())));
    show("60 calls at once", calls.join_all().await);

    BROKEN.store(true, Relaxed);
    let mut answers = Vec::new();
    for _ in 0..100 {
        answers.push(check().await);
    }
    show("100 more, one after the other, and the server is broken", answers);
    Ok(())
}
