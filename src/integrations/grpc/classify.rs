use http::Response;

use super::verdict::verdict_of_head;
use crate::classify::{Answer, Classify, Fault};
use crate::reject::Rejected;
use crate::verdict::Verdict;

/// What the responses of gRPC services mean, for clients and servers: an HTTP response of theirs has status 200
/// whatever the call came to.
///
/// | status | health | repeated |
/// |---|---|---|
/// | `UNAVAILABLE` | failure | yes |
/// | `DEADLINE_EXCEEDED`, `INTERNAL`, `UNKNOWN`, `DATA_LOSS` | failure | no |
/// | `RESOURCE_EXHAUSTED` | throttled | if it comes with a push-back |
/// | `CANCELLED` | ignored | no |
/// | all others | success | no |
///
/// `grpc-retry-pushback-ms` is heeded: that long nothing is repeated, and if it is negative or no number, never. An
/// answer that is not of gRPC, such as a load balancer's bare 503, is judged by its HTTP status: 502, 503 and 504
/// count as `UNAVAILABLE`, 429 as throttled, 401, 403 and 404 as success, all else as failure.
///
/// It looks at the head of the response, and so sees the status of calls that fail before they answer anything. One
/// that comes after a part of the answer is at the end of the body.
///
/// To say otherwise about one status, ask this and change its answer:
///
/// ```
/// use buttress::{BoxError, Classify, RetryLayer, RetryPolicy, Verdict, grpc::Grpc};
/// use http::Response;
///
/// let layer = RetryLayer::new(RetryPolicy::default()).classify_fn(
///     |result: Result<&Response<String>, &BoxError>| -> Verdict {
///         let verdict = Grpc.classify(result);
///         if verdict.cause() == "deadline_exceeded" { verdict.repeatable(true) } else { verdict }
///     },
/// );
/// let failed = Response::builder().header("grpc-status", "14").body(String::new()).unwrap();
/// let verdict = Grpc.classify(Ok::<_, &BoxError>(&failed));
/// assert_eq!((verdict.cause(), verdict.may_repeat()), ("unavailable", true));
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grpc;

impl<B, E: Fault> Classify<Response<B>, E> for Grpc {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Verdict {
        match result {
            Ok(response) => match response.extensions().get::<Rejected>() {
                Some(rejected) => Verdict::from(*rejected),
                None => verdict_of_head(response.status(), response.headers()).unwrap_or(Verdict::success()),
            },
            Err(error) => error.verdict(),
        }
    }

    fn mark_degraded(&self, answer: &mut Response<B>) {
        answer.mark_degraded();
    }
}
