//! A rejection in gRPC's words.

use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderValue, Response};
use tonic::{Code, Status};

use super::verdict::PUSHBACK;
use crate::integrations::http::reject::stay_away;
use crate::reject::{OnReject, Rejected, RejectedKind};
use crate::sync::Arc;

/// For servers, in place of the HTTP status that layers answer with by default: a rejected call is answered with
/// a gRPC status and with how long to stay away (`grpc-retry-pushback-ms`).
///
/// | rejected because | status | push-back |
/// |---|---|---|
/// | a breaker is open, a bulkhead or its queue is full | `UNAVAILABLE` | a second or what is known, and some jitter |
/// | the rate limit is used up | `UNAVAILABLE` | exact |
/// | the call costs more than the burst | `RESOURCE_EXHAUSTED` | not again |
/// | timed out | `DEADLINE_EXCEEDED` | – |
///
/// It is `UNAVAILABLE` and not `RESOURCE_EXHAUSTED`, because that is what callers repeat, elsewhere if they can. Names
/// and internals stay off the wire; the [`Rejected`] is in the extensions of the response for the layers around.
///
/// ```
/// use buttress::{BulkheadLayer, grpc::AsGrpc};
/// use tonic::service::LayerExt;
/// use tonic_health::server::health_reporter;
///
/// let (_, health) = health_reporter();
/// let limited = BulkheadLayer::new(64).reject_as(AsGrpc).named_layer(health);
/// let router = tonic::transport::Server::builder().add_service(limited);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsGrpc;

impl<B: Default> OnReject<Response<B>, Infallible> for AsGrpc {
    fn on_reject(&self, rejected: Rejected) -> Result<Response<B>, Infallible> {
        let mut response = Status::from(rejected).into_http();
        response.extensions_mut().insert(rejected);
        Ok(response)
    }
}

/// For clients whose error type can hold a [`Status`], such as a box: a rejection keeps its code although tonic
/// would see an unknown error in it. Where the error type is `Status` itself, no strategy is needed: a
/// [`Rejected`] becomes one by `From`.
///
/// ```
/// use buttress::{BoxError, Bulkhead, BulkheadLayer, find_rejected, grpc::AsStatus};
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layer = BulkheadLayer::new(1).reject_as(AsStatus);
/// let held = layer.bulkhead().try_admit().unwrap();
/// let client = layer.layer(service_fn(|request: u64| async move { Ok::<_, BoxError>(request) }));
/// let status = tonic::Status::from_error(client.oneshot(7).await.unwrap_err());
/// assert_eq!(status.code(), tonic::Code::Unavailable);
/// assert!(find_rejected(&status).is_some());
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsStatus;

impl<Res, E: From<Status>> OnReject<Res, E> for AsStatus {
    fn on_reject(&self, rejected: Rejected) -> Result<Res, E> {
        Err(E::from(Status::from(rejected)))
    }
}

/// The status that [`AsGrpc`] tells, with the rejection as its source.
impl From<Rejected> for Status {
    fn from(rejected: Rejected) -> Self {
        let (code, message) = words(rejected.kind());
        let mut status = Self::new(code, message);
        if let Some(pushback) = pushback(&rejected) {
            status.metadata_mut().as_mut().insert(PUSHBACK, pushback);
        }
        status.set_source(Arc::new(rejected));
        status
    }
}

/// Of ASCII that needs no encoding, and without a name: it goes over the wire.
fn words(kind: RejectedKind) -> (Code, &'static str) {
    match kind {
        RejectedKind::CircuitOpen => (Code::Unavailable, "not available for the time being"),
        RejectedKind::BulkheadFull | RejectedKind::QueueFull => (Code::Unavailable, "too many calls at once"),
        RejectedKind::QueueTimeout => (Code::Unavailable, "waited too long for its turn"),
        RejectedKind::RateLimited => (Code::Unavailable, "rate limit exceeded"),
        RejectedKind::CostAboveBurst => (Code::ResourceExhausted, "call exceeds the quota"),
        RejectedKind::TimedOut => (Code::DeadlineExceeded, "timed out"),
        RejectedKind::NotReady => (Code::Unavailable, "not ready"),
    }
}

/// Some clients repeat whatever comes with a delay: a call that timed out gets none.
fn pushback(rejected: &Rejected) -> Option<HeaderValue> {
    match rejected.kind() {
        RejectedKind::TimedOut => None,
        RejectedKind::CostAboveBurst => Some(HeaderValue::from_static("-1")),
        _ => stay_away(rejected).map(|wait| HeaderValue::from(whole_millis(wait))),
    }
}

/// Rounded up, and no more than clients read, which is 31 bits.
fn whole_millis(wait: Duration) -> u32 {
    const MOST: u32 = i32::MAX.unsigned_abs();
    u32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(MOST).clamp(1, MOST)
}
