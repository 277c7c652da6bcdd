//! Calls that the stack around a channel repeats: their messages are kept, and their statuses seen in time.

use std::time::Duration;

use buttress::grpc::Grpc;
use buttress::http::{PeekTrailersLayer, ReplayBody, ReplayBodyLayer};
use buttress::{Backoff, RetryLayer, RetryPolicy, client_stack};
use http::Request;
use tonic::Code;
use tonic::body::Body;
use tonic::transport::Server;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceBuilder;

use super::support::{Scripted, asking, bind, channel, status};

#[tokio::test]
async fn a_call_with_an_idempotency_key_is_repeated_and_no_other() {
    for (key, code, attempts) in [
        (true, "14", 3),
        (false, "14", 1),
        // Not said to be harmless by its status.
        (true, "13", 1),
        (true, "", 1),
    ] {
        let (service, (incoming, address)) = (Scripted::new(), bind());
        tokio::spawn(Server::builder().add_service(service.server()).serve_with_incoming(incoming));
        let policy = RetryPolicy::default().backoff(Backoff::constant(Duration::from_millis(1)));
        let stack = client_stack("health").retry(RetryLayer::new(policy)).classify(Grpc);
        let channel = ServiceBuilder::new()
            .layer(ReplayBodyLayer::new())
            .layer(stack)
            .layer(PeekTrailersLayer::new())
            .map_request(|request: Request<ReplayBody<Body>>| request.map(Body::new))
            .map_err(status)
            .service(channel(address));
        let mut request = tonic::Request::new(asking(code));
        if key {
            request.metadata_mut().insert("idempotency-key", "7f2c".parse().unwrap());
        }
        // What the server does is said by the message, so each attempt had it.
        let answer = HealthClient::new(channel).check(request).await;
        assert_eq!(
            answer.map_or_else(|status| status.code(), |_| Code::Ok),
            match code {
                "" => Code::Ok,
                code => Code::from_bytes(code.as_bytes()),
            }
        );
        assert_eq!(service.calls(), attempts, "key: {key}, status {code}");
    }
}
