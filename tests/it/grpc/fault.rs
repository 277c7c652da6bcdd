//! What tonic's errors mean, and the rejections in them.

use std::io;
use std::sync::Arc;

use buttress::{BoxError, Bulkhead, CallError, Fault, Outcome, Rejected, find_rejected};
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_health::pb::health_client::HealthClient;
use tower::{Service, ServiceExt};

use super::client::NoIo;
use super::support::{asking, channel, plain};
use crate::support::nobody_there;

fn a_rejection() -> Rejected {
    let bulkhead = Bulkhead::new(1);
    let _held = bulkhead.try_admit().unwrap();
    bulkhead.try_admit().unwrap_err()
}

#[tokio::test]
async fn a_rejection_is_found_through_tonics_own_errors() {
    let refuse = |_: http::Uri| async { Err::<NoIo, BoxError>(a_rejection().into()) };
    let connector = tower::service_fn(refuse);
    let channel = Endpoint::from_static("http://nowhere.invalid").connect_with_connector_lazy(connector);
    let request = http::Request::new(tonic::body::Body::empty());
    let error = channel.clone().ready().await.unwrap().call(request).await.unwrap_err();
    assert_eq!(error.as_rejected(), Some(&a_rejection()));
    assert_eq!(Fault::verdict(&error).outcome(), Outcome::Ignored);
    let error = HealthClient::new(channel).check(asking("")).await.unwrap_err();
    assert_eq!(error.as_rejected(), Some(&a_rejection()), "{error:?}");

    let twice: BoxError = Box::new(io::Error::other(BoxError::from(Status::from(a_rejection()))));
    assert_eq!(find_rejected(&*twice), Some(&a_rejection()));
    assert_eq!(CallError::Inner(Status::from(a_rejection())).as_rejected(), Some(&a_rejection()));
}

#[tokio::test]
async fn a_connection_that_was_refused_sent_nothing() {
    let request = http::Request::new(tonic::body::Body::empty());
    let error = channel(nobody_there()).ready().await.unwrap().call(request).await.unwrap_err();
    for verdict in [Fault::verdict(&error), CallError::Inner(error).verdict()] {
        assert_eq!((verdict.outcome(), verdict.cause()), (Outcome::Failure, "connect"));
        assert!(verdict.may_repeat() && !verdict.was_sent());
    }
    // As a status it may be that of a later step.
    let verdict = plain(nobody_there()).check(asking("")).await.unwrap_err().verdict();
    assert_eq!((verdict.cause(), verdict.may_repeat(), verdict.was_sent()), ("connect", true, true));
}

#[tokio::test]
async fn a_status_is_told_by_its_code_and_its_origin() {
    let of = |code| Status::new(code, "");
    let mut pushed_back = of(Code::Unavailable);
    pushed_back.metadata_mut().insert("grpc-retry-pushback-ms", "-1".parse().unwrap());
    let mut broken = of(Code::Cancelled);
    broken.set_source(Arc::new(io::Error::other("the connection broke")));
    let late = Status::from_error(Box::new(tonic::TimeoutExpired(())));
    assert_eq!(late.code(), Code::Cancelled, "as tonic has it");
    for (status, outcome, cause, repeat) in [
        (of(Code::Unavailable), Outcome::Failure, "unavailable", true),
        (of(Code::Internal), Outcome::Failure, "internal", false),
        (of(Code::ResourceExhausted), Outcome::Throttled, "resource_exhausted", false),
        (of(Code::NotFound), Outcome::Success, "ok", false),
        (pushed_back, Outcome::Failure, "unavailable", false),
        // From the other side: somebody there gave up.
        (of(Code::Cancelled), Outcome::Ignored, "cancelled", false),
        (broken, Outcome::Failure, "reset", false),
        (late, Outcome::Failure, "timeout", false),
    ] {
        let verdict = status.verdict();
        assert_eq!((verdict.outcome(), verdict.cause()), (outcome, cause), "{status:?}");
        assert_eq!(verdict.may_repeat(), repeat, "{status:?}");
        let boxed: BoxError = status.into();
        assert_eq!(boxed.verdict(), verdict);
    }
}
