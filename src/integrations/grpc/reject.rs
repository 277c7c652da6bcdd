//! A rejection in gRPC's words.

use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderValue, Response};
use tonic::{Code, Status};

use super::verdict::PUSHBACK;
use crate::integrations::http::reject::{stay_away, words};
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
/// use std::convert::Infallible;
/// use buttress::{BulkheadLayer, grpc::AsGrpc};
/// use http::{Request, Response};
/// use tower::{Layer, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let layer = BulkheadLayer::new(1).reject_as(AsGrpc);
/// let held = layer.bulkhead().try_admit().unwrap();
/// let handler = |_: Request<String>| async { Ok::<_, Infallible>(Response::new(String::new())) };
/// let service = layer.layer(service_fn(handler));
/// let refused = service.oneshot(Request::new(String::new())).await.unwrap();
/// assert_eq!(refused.headers()["grpc-status"], "14");
/// assert!(refused.headers().contains_key("grpc-retry-pushback-ms"));
/// # }
/// ```
///
/// In front of a service of tonic's it is `layer.named_layer(service)`, with `tonic::service::LayerExt`; in front of all of
/// them `Server::builder().layer(layer)`.
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
        let mut status = Self::new(code(rejected.kind()), words(rejected.kind()));
        if let Some(pushback) = pushback(&rejected) {
            status.metadata_mut().as_mut().insert(PUSHBACK, pushback);
        }
        status.set_source(Arc::new(rejected));
        status
    }
}

fn code(kind: RejectedKind) -> Code {
    match kind {
        RejectedKind::CostAboveBurst => Code::ResourceExhausted,
        RejectedKind::TimedOut => Code::DeadlineExceeded,
        RejectedKind::CircuitOpen
        | RejectedKind::BulkheadFull
        | RejectedKind::QueueFull
        | RejectedKind::QueueTimeout
        | RejectedKind::RateLimited
        | RejectedKind::NotReady => Code::Unavailable,
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

#[cfg(all(test, feature = "bulkhead", feature = "rate-limit", feature = "timeout"))]
mod tests {
    use super::*;
    use crate::classify::Classify;
    use crate::integrations::grpc::Grpc;
    use crate::name::Name;
    use crate::reject::{Expiry, Source};
    use crate::verdict::Verdict;

    fn refused(kind: RejectedKind, wait: Option<Duration>) -> Rejected {
        Rejected::unsent(kind, Source::Bulkhead, Name::from("secret").into(), wait)
    }

    fn pushed_back(rejected: Rejected) -> Option<i64> {
        let value = Status::from(rejected).metadata().get("grpc-retry-pushback-ms").cloned();
        value.map(|value| value.to_str().expect("text").parse().expect("a number"))
    }

    #[test]
    fn each_kind_has_its_code_and_nothing_of_ours_on_the_wire() {
        use RejectedKind::*;
        for (kind, code) in [
            (CircuitOpen, Code::Unavailable),
            (BulkheadFull, Code::Unavailable),
            (QueueFull, Code::Unavailable),
            (QueueTimeout, Code::Unavailable),
            (RateLimited, Code::Unavailable),
            (CostAboveBurst, Code::ResourceExhausted),
            (NotReady, Code::Unavailable),
            (TimedOut, Code::DeadlineExceeded),
        ] {
            let rejected = refused(kind, None);
            let Ok(response) = OnReject::<Response<String>, Infallible>::on_reject(&AsGrpc, rejected);
            let headers = response.headers();
            assert_eq!(response.status(), http::StatusCode::OK);
            assert_eq!(headers["content-type"], "application/grpc");
            assert_eq!(headers["grpc-status"], i32::from(code).to_string(), "{kind:?}");
            assert_eq!(response.extensions().get(), Some(&rejected));
            // Around it, not its code counts: a full bulkhead is no failure of what is behind it.
            assert_eq!(Grpc.classify(Ok::<_, &Infallible>(&response)), Verdict::from(rejected), "{kind:?}");
            assert!(!format!("{headers:?}").contains("secret"));
            let read = Status::from_header_map(headers).unwrap();
            assert_eq!((read.code(), read.message()), (code, words(kind)));
        }
    }

    #[test]
    fn a_push_back_is_rounded_up_and_spread_where_nobody_knows_better() {
        let exact = |wait| pushed_back(refused(RejectedKind::RateLimited, Some(wait)));
        assert_eq!(exact(Duration::from_nanos(1_000_001)), Some(2));
        assert_eq!(exact(Duration::from_millis(250)), Some(250));
        assert_eq!(exact(Duration::ZERO), Some(1), "zero is at once");
        assert_eq!(exact(Duration::MAX), Some(i64::from(i32::MAX)));
        let open = refused(RejectedKind::CircuitOpen, Some(Duration::from_secs(10)));
        let told: Vec<_> = std::iter::repeat_with(|| pushed_back(open).unwrap()).take(20).collect();
        assert!(told.iter().all(|wait| (10_000..=20_000).contains(wait)), "{told:?}");
        assert!(told.iter().any(|wait| *wait != told[0]), "everybody was told to come back at once");
    }

    #[test]
    fn what_waiting_does_not_help_is_not_asked_for_again() {
        assert_eq!(pushed_back(refused(RejectedKind::CostAboveBurst, None)), Some(-1));
        let late = Rejected::timed_out(Name::from("secret").into(), Duration::from_secs(1), Expiry::Full);
        assert_eq!(pushed_back(late), None);
    }
}
